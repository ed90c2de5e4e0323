package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func encodePNG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func encodeJPEG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := jpeg.Encode(&file, img, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func mustDecode(t *testing.T, file []byte) *image.RGBA {
	t.Helper()
	img, err := Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// chunk returns a PNG chunk.
func chunk(name string, data []byte) []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	c = append(append(c, name...), data...)
	return binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
}

// exif returns Exif tags with an orientation, as the TIFF 6.0 specification lays them out: the header, one directory of two entries.
func exif(order binary.AppendByteOrder, orientation uint16) []byte {
	tags := []byte("MM")
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		tags = []byte("II")
	}
	tags = order.AppendUint16(tags, 42)
	tags = order.AppendUint32(tags, 8) // where the directory is
	tags = order.AppendUint16(tags, 2)
	for _, entry := range [][2]uint16{{0x0100, 3}, {0x0112, orientation}} { // the width, which nobody asks for, and the orientation
		tags = order.AppendUint16(tags, entry[0])
		tags = order.AppendUint16(tags, 3) // a short
		tags = order.AppendUint32(tags, 1)
		tags = order.AppendUint16(order.AppendUint16(tags, entry[1]), 0)
	}
	return order.AppendUint32(tags, 0)
}

// withExif returns a PNG or JPEG file with tags.
func withExif(file, tags []byte) []byte {
	if bytes.HasPrefix(file, []byte("\x89PNG")) {
		return slices.Insert(slices.Clone(file), 33, chunk("eXIf", tags)...) // behind IHDR
	}
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(2+6+len(tags)))
	segment = append(append(segment, "Exif\x00\x00"...), tags...)
	return slices.Insert(slices.Clone(file), 2, segment...)
}

// What the Exif specification (JEITA CP-3451, Orientation) says the eight mean, for pictures stored as 123 over 456.
var seen = map[uint16]string{
	0: "123/456", 1: "123/456", 2: "321/654", 3: "654/321", 4: "456/123", 5: "14/25/36", 6: "41/52/63", 7: "63/52/41", 8: "36/25/14",
	9: "123/456",
}

func TestDecodeTurnsPicturesUpright(t *testing.T) {
	const block = 8 // pixels of a JPEG block, each of which has one level
	img := image.NewGray(image.Rect(0, 0, 3*block, 2*block))
	for i := range img.Pix {
		x, y := i%img.Stride/block, i/img.Stride/block
		img.Pix[i] = byte(40 * (1 + x + 3*y))
	}
	for name, file := range map[string][]byte{"PNG": encodePNG(t, img), "JPEG": encodeJPEG(t, img)} {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			for orientation, want := range seen {
				turned := mustDecode(t, withExif(file, exif(order, orientation)))
				var rows []string
				for y := 0; y < turned.Rect.Dy(); y += block {
					row := ""
					for x := 0; x < turned.Rect.Dx(); x += block {
						row += fmt.Sprint(math.Round(float64(turned.RGBAAt(x, y).R) / 40))
					}
					rows = append(rows, row)
				}
				if got := strings.Join(rows, "/"); got != want {
					t.Errorf("%s, %v, orientation %d: %s, want %s", name, order, orientation, got, want)
				}
			}
		}
		// Tags that are cut off are none.
		if got := mustDecode(t, withExif(file, exif(binary.BigEndian, 6)[:24])); got.Rect.Dx() != 3*block {
			t.Errorf("%s: damaged tags turn a picture: %v", name, got.Rect)
		}
		// The orientation of a thumbnail, which is in a directory of its own, is none of the picture.
		tags := exif(binary.BigEndian, 6)
		tags = slices.Concat(tags[:8], []byte{0, 1}, tags[10:22], []byte{0, 0, 0, 26, 0, 1}, tags[22:34], make([]byte, 4))
		if got := mustDecode(t, withExif(file, tags)); got.Rect.Dx() != 3*block {
			t.Errorf("%s: the orientation of its thumbnail turns a picture: %v", name, got.Rect)
		}
	}
}

// gradient returns every pair of 8-bit numbers as level and opacity.
func gradient(set func(x, y int)) {
	for y := range 256 {
		for x := range 256 {
			set(x, y)
		}
	}
}

func TestDecodeLaysOnWhite(t *testing.T) {
	square := image.Rect(0, 0, 256, 256)
	straight, deep := image.NewNRGBA(square), image.NewNRGBA64(square)
	gradient(func(x, y int) {
		straight.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(255 - x), 77, uint8(y)})
		deep.SetNRGBA64(x, y, color.NRGBA64{uint16(x*257 + y), uint16(65535 - 255*x), 777, uint16(y * 256)})
	})
	shallow, deeper := mustDecode(t, encodePNG(t, straight)), mustDecode(t, encodePNG(t, deep))
	gradient(func(x, y int) {
		c := straight.NRGBAAt(x, y)
		checkPixel(t, "8 bits", shallow, x, y, onWhiteBy(c.R, c.A, 255), onWhiteBy(c.G, c.A, 255), onWhiteBy(c.B, c.A, 255))
		d := deep.NRGBA64At(x, y)
		checkPixel(t, "16 bits", deeper, x, y, onWhiteBy(d.R, d.A, 65535), onWhiteBy(d.G, d.A, 65535), onWhiteBy(d.B, d.A, 65535))
	})
}

// onWhiteBy is c·a + 1·(1 − a), in floating point.
func onWhiteBy[T uint8 | uint16](c, a T, full float64) uint8 {
	opacity := float64(a) / full
	return uint8(math.Round(255 * (float64(c)/full*opacity + 1 - opacity)))
}

func checkPixel(t *testing.T, name string, img *image.RGBA, x, y int, r, g, b uint8) {
	t.Helper()
	if got, want := img.RGBAAt(x, y), (color.RGBA{r, g, b, 255}); got != want {
		t.Errorf("%s at (%d, %d): %v, want %v", name, x, y, got, want)
	}
}

func TestDecodeRounds16Bits(t *testing.T) {
	square := image.Rect(0, 0, 256, 256)
	grey, colour := image.NewGray16(square), image.NewRGBA64(square)
	gradient(func(x, y int) {
		v := uint16(x<<8 + y)
		grey.SetGray16(x, y, color.Gray16{Y: v})
		colour.SetRGBA64(x, y, color.RGBA64{v, 65535 - v, v / 2, 65535})
	})
	ofGrey, ofColour := mustDecode(t, encodePNG(t, grey)), mustDecode(t, encodePNG(t, colour))
	nearest := func(v uint16) uint8 { return uint8(math.Round(float64(v) * 255 / 65535)) }
	gradient(func(x, y int) {
		v := uint16(x<<8 + y)
		checkPixel(t, "grey", ofGrey, x, y, nearest(v), nearest(v), nearest(v))
		checkPixel(t, "colour", ofColour, x, y, nearest(v), nearest(65535-v), nearest(v/2))
	})
}

func TestDecodePalettes(t *testing.T) {
	palette := color.Palette{color.NRGBA{200, 100, 0, 255}, color.NRGBA{200, 100, 0, 51}, color.NRGBA{9, 9, 9, 0}}
	img := image.NewPaletted(image.Rect(0, 0, 3, 1), palette)
	copy(img.Pix, []byte{0, 1, 2})
	decoded := mustDecode(t, encodePNG(t, img))
	checkPixel(t, "opaque", decoded, 0, 0, 200, 100, 0)
	checkPixel(t, "a fifth", decoded, 1, 0, 244, 224, 204) // 255 − (255 − c)/5
	checkPixel(t, "clear", decoded, 2, 0, 255, 255, 255)
}

func TestDecodeTakesAGIFsFirstFrame(t *testing.T) {
	palette := color.Palette{color.RGBA{}, color.RGBA{10, 20, 30, 255}}
	first, second := image.NewPaletted(image.Rect(1, 1, 4, 2), palette), image.NewPaletted(image.Rect(0, 0, 5, 3), palette)
	copy(first.Pix, []byte{1, 0, 1})
	for i := range second.Pix {
		second.Pix[i] = 1
	}
	var file bytes.Buffer
	err := gif.EncodeAll(&file, &gif.GIF{Image: []*image.Paletted{first, second}, Delay: []int{1, 1}, Config: image.Config{Width: 5, Height: 3}})
	if err != nil {
		t.Fatal(err)
	}
	img := mustDecode(t, file.Bytes())
	if img.Rect != image.Rect(0, 0, 5, 3) {
		t.Fatalf("bounds are %v, want those of the screen, 5×3", img.Rect)
	}
	for y := range 3 {
		for x := range 5 {
			if y == 1 && (x == 1 || x == 3) {
				checkPixel(t, "frame", img, x, y, 10, 20, 30)
			} else {
				checkPixel(t, "screen", img, x, y, 255, 255, 255)
			}
		}
	}
}

// cmyk.jpg was made, and the numbers were read, with Pillow 13:
//
//	im = Image.new("CMYK", (16, 8), (255, 0, 0, 51)); im.paste((10, 200, 100, 0), (8, 0, 16, 8))
//	im.save("cmyk.jpg", quality=100, optimize=True); Image.open("cmyk.jpg").convert("RGB")
func TestDecodeCMYK(t *testing.T) {
	file, err := os.ReadFile("testdata/cmyk.jpg")
	if err != nil {
		t.Fatal(err)
	}
	adobe := bytes.Index(file, []byte("Adobe"))
	for _, test := range []struct {
		name        string
		transform   byte // in the Adobe segment: 0 is CMYK, 2 is YCCK; both are stored inverted
		left, right color.RGBA
	}{
		{"CMYK", 0, color.RGBA{0, 204, 204, 255}, color.RGBA{245, 55, 155, 255}},
		{"YCCK", 2, color.RGBA{62, 204, 24, 255}, color.RGBA{0, 4, 139, 255}},
	} {
		file[adobe+11] = test.transform
		img := mustDecode(t, file)
		for x, want := range map[int]color.RGBA{2: test.left, 12: test.right} {
			if got := img.RGBAAt(x, 2); !near(got, want, 1) {
				t.Errorf("%s at %d: %v, want %v", test.name, x, got, want)
			}
		}
	}

	// Without that segment, nothing says what the four channels are.
	segment := adobe - 4
	bare := slices.Delete(slices.Clone(file), segment, segment+2+int(binary.BigEndian.Uint16(file[segment+2:])))
	if _, err := Decode(bytes.NewReader(bare)); err == nil || !strings.Contains(err.Error(), "unknown color model") {
		t.Errorf("error is %v, want one on an unknown colour model", err)
	}
}

func near(a, b color.RGBA, most int) bool {
	for _, d := range []int{int(a.R) - int(b.R), int(a.G) - int(b.G), int(a.B) - int(b.B)} {
		if max(d, -d) > most {
			return false
		}
	}
	return a.A == b.A
}

// enlarged returns files whose headers say that they are of a size, and are otherwise small.
func enlarged(t *testing.T, height, width int) map[string][]byte {
	img := image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black})
	ofPNG := encodePNG(t, img)
	header := slices.Clone(ofPNG[16:29])
	binary.BigEndian.PutUint32(header, uint32(width))
	binary.BigEndian.PutUint32(header[4:], uint32(height))
	copy(ofPNG[8:], chunk("IHDR", header))

	ofJPEG := encodeJPEG(t, img)
	frame := bytes.Index(ofJPEG, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint16(ofJPEG[frame+5:], uint16(height))
	binary.BigEndian.PutUint16(ofJPEG[frame+7:], uint16(width))

	var ofGIF bytes.Buffer
	if err := gif.Encode(&ofGIF, img, nil); err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint16(ofGIF.Bytes()[6:], uint16(width))
	binary.LittleEndian.PutUint16(ofGIF.Bytes()[8:], uint16(height))
	return map[string][]byte{"PNG": ofPNG, "JPEG": ofJPEG, "GIF": ofGIF.Bytes()}
}

func TestDecodeRefusesBeforeItTakesMemory(t *testing.T) {
	for _, size := range [][2]int{{30_000, 30_000}, {30_000, 1}, {1, 30_000}, {8193, 8192}, {65_535, 65_535}} {
		for name, file := range enlarged(t, size[0], size[1]) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Decode(bytes.NewReader(file))
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), "its header says") {
				t.Errorf("%s of %v: error is %v, want one on what its header says", name, size, err)
			}
			if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
				t.Errorf("%s of %v: %d bytes were allocated", name, size, taken)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 20, 20))
	for i := range img.Pix {
		img.Pix[i] = byte(i * i)
	}
	var ofGIF bytes.Buffer
	if err := gif.Encode(&ofGIF, img, nil); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{"PNG": encodePNG(t, img), "JPEG": encodeJPEG(t, img), "GIF": ofGIF.Bytes()[:ofGIF.Len()-1]} {
		mustDecode(t, file) // a GIF without its trailer, too: its first frame is whole
		for end := range len(file) {
			if _, err := Decode(bytes.NewReader(file[:end])); err == nil {
				t.Errorf("%s: %d of %d bytes are enough", name, end, len(file))
			}
		}
		for at := range file { // whatever becomes of it, it is no panic
			damaged := slices.Clone(file)
			damaged[at] ^= 0x5a
			Decode(bytes.NewReader(damaged))
		}
	}
	for content, want := range map[string]string{
		"": "it is empty", "BM": "no PNG, JPEG or GIF", "RIFF....WEBP": "no PNG, JPEG or GIF", "\x89PNG\r\n\x1a\n": "its end is missing",
	} {
		if _, err := Decode(strings.NewReader(content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %q in it", content, err, want)
		}
	}
}

func TestDecodeReportsAPanic(t *testing.T) {
	defer func(saved []format) { formats = saved }(formats)
	formats = []format{{"X", func(io.Reader) (image.Config, error) { panic("out of range") }, nil, 0}}
	if _, err := Decode(strings.NewReader("X")); err == nil || !strings.Contains(err.Error(), "out of range") {
		t.Errorf("error is %v, want one that says what the decoder says", err)
	}
}
