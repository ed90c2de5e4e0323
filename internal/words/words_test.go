package words

import "testing"

func TestCounted(t *testing.T) {
	for n, want := range map[int]string{0: "0 images", 1: "1 image", 2: "2 images", 60000: "60,000 images"} {
		if got := Counted(n, "image"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
