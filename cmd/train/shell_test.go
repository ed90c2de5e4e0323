package main

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"govae/model/machine"
	"govae/train"
	"govae/train/device"
)

// TestResumeCommand checks the command that TestSignals sees printed, for more flags.
func TestResumeCommand(t *testing.T) {
	c := command{Options: train.DefaultOptions(), program: "go run ./cmd/train"}
	if got, want := c.resumeCommand("runs/vae"), "go run ./cmd/train -resume -out runs/vae"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Data.Path, c.Epochs, c.Device = "my data", 3, device.CPU // the checkpoint knows where the data are
	if got, want := c.resumeCommand("it's"), `go run ./cmd/train -resume -out 'it'\''s' -epochs 3 -device cpu`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c = command{Options: train.DefaultOptions(), program: "train"}
	c.Device = device.Choice{Name: "cuda:1", Precision: machine.TF32}
	if got, want := c.resumeCommand("out"), "train -resume -out out -device cuda:1 -precision tf32"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestProgram checks what stands for the program in a command that is proposed. The names under go run are those that it has given
// with the default caches, with GOCACHE=/cache and with GOTMPDIR=/scratch, on Linux, macOS and Windows.
func TestProgram(t *testing.T) {
	digest := strings.Repeat("0123456789abcdef", 4)
	const goRun = "go run ./cmd/train"
	for name, want := range map[string]string{
		"/home/me/.cache/go-build/3f/" + digest + "-d/train":               goRun,
		"/cache/3f/" + digest + "-d/train":                                 goRun,
		"/Users/me/Library/Caches/go-build/00/" + digest + "-d/train":      goRun,
		`C:\Users\me\AppData\Local\go-build\3f\` + digest + `-d\train.exe`: goRun,
		"/tmp/go-build2801602040/b001/exe/train":                           goRun,
		"/scratch/b001/exe/train":                                          goRun,
		`C:\Temp\go-build123\b001\exe\train.exe`:                           goRun,
		"train":                                                            "train", // found on the PATH
		"./train":                                                          "./train",
		"bin/train":                                                        "bin/train",
		"/home/me/go-build/bin/train":                                      "/home/me/go-build/bin/train", // is no cache, whatever it is called
		"/cache/3f/" + digest[:60] + "-d/train":                            "/cache/3f/" + digest[:60] + "-d/train",
		"/opt/b001/exe":                                                    "/opt/b001/exe",
	} {
		if got := program(name); got != want {
			t.Errorf("%s is started again by %s, want %s", name, got, want)
		}
	}
	if runtime.GOOS != "windows" {
		if got, want := program("./my bin/it's"), `'./my bin/it'\''s'`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestWords checks words for the two kinds of shells.
func TestWords(t *testing.T) {
	for _, test := range []struct{ word, posix, windows string }{
		{"runs/vae-2", "runs/vae-2", "runs/vae-2"},
		{"my runs", "'my runs'", `"my runs"`},
		{"it's", `'it'\''s'`, `"it's"`},
		{"$HOME", "'$HOME'", `"$HOME"`},
		{"~", "'~'", `"~"`},
		{"", "''", `""`},
		{`C:\runs\vae`, `'C:\runs\vae'`, `C:\runs\vae`},
		{`C:\my runs\`, `'C:\my runs\'`, `"C:\my runs\\"`},
	} {
		if got := posix.word(test.word); got != test.posix {
			t.Errorf("%q is %s, want %s", test.word, got, test.posix)
		}
		if got := windows.word(test.word); got != test.windows {
			t.Errorf("on Windows %q is %s, want %s", test.word, got, test.windows)
		}
	}
}

// TestWordsInAShell lets a shell read words, which come out of it as they were.
func TestWordsInAShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh")
	}
	for _, word := range []string{"runs/vae-2", "my runs", "it's", "$HOME", "~", "", `a\b`, "a\nb", "*", "`id`", "-n", "ä“", "%s", "!!", "#x"} {
		out, err := exec.Command(sh, "-c", "printf '[%s]' "+posix.word(word)).Output()
		if got, want := string(out), "["+word+"]"; err != nil || got != want {
			t.Errorf("%s is %q to a shell (%v), want %q", posix.word(word), got, err, want)
		}
	}
}
