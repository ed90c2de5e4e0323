package picture

import (
	"image"
	"math"

	"golang.org/x/image/draw"
)

// Fit scales a picture until it covers height × width pixels, by the filter of Catmull and Rom, and crops to its centre what is left over
// on two sides. One that has the size already is returned as it is.
func Fit(img *image.RGBA, height, width int) *image.RGBA {
	bounds := img.Rect
	w, h := bounds.Dx(), bounds.Dy()
	if w == width && h == height {
		return img
	}
	// The factor to scale by, as a fraction.
	to, from := width, w
	if height*w > width*h {
		to, from = height, h
	}
	x0, x1, left, right := centre(w, width, to, from)
	y0, y1, top, bottom := centre(h, height, to, from)

	scaled := image.NewRGBA64(image.Rect(0, 0, width, height))
	draw.CatmullRom.Scale(scaled, image.Rect(left, top, right, bottom), img, image.Rect(x0, y0, x1, y1).Add(bounds.Min), draw.Src, nil)
	fitted := image.NewRGBA(scaled.Rect)
	for i := range fitted.Pix { // 16 bits to the nearest of 8, which a conversion of image/color is not
		fitted.Pix[i] = uint8((uint32(scaled.Pix[2*i])<<8 + uint32(scaled.Pix[2*i+1]) + 128) / 257)
	}
	return fitted
}

// centre returns which of n pixels on a side are scaled, by the factor to/from, and where they come to lie along the target's pixels.
// That is all of them, but no more than four times what is seen, since scaling takes memory for each.
func centre(n, target, to, from int) (start, end, targetStart, targetEnd int) {
	part := min(n, 4*((target*from+to-1)/to))
	part += (n - part) % 2 // as many are left out before it as behind it
	scaled := (2*part*to + from) / (2 * from)
	start, targetStart = (n-part)/2, -(scaled-target)/2
	return start, start + part, targetStart, targetStart + scaled
}

// IsGrey reports whether all pixels of a picture are grey.
func IsGrey(img *image.RGBA) bool {
	for i := 0; i < len(img.Pix); i += 4 {
		if p := img.Pix[i : i+3 : i+3]; p[0] != p[1] || p[1] != p[2] {
			return false
		}
	}
	return true
}

// Levels returns the levels of a picture's pixels, [channels, height, width]: red, green and blue for three channels, and for one the
// luminance, 0.299 R + 0.587 G + 0.114 B, to the nearest.
func Levels(img *image.RGBA, channels int) []byte {
	n := img.Rect.Dx() * img.Rect.Dy()
	values := make([]byte, channels*n)
	for i := range n {
		p := img.Pix[4*i : 4*i+3 : 4*i+3]
		if channels == 1 {
			values[i] = uint8((299*int(p[0]) + 587*int(p[1]) + 114*int(p[2]) + 500) / 1000) // image/color's GrayModel rounds otherwise
			continue
		}
		values[i], values[n+i], values[2*n+i] = p[0], p[1], p[2]
	}
	return values
}

// FromLevels returns the picture whose levels are values, [channels, height, width], in one channel or three.
func FromLevels(values []byte, height, width, channels int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	n := height * width
	for i := range n {
		p := img.Pix[4*i : 4*i+4 : 4*i+4]
		for c := range 3 {
			p[c] = values[min(c, channels-1)*n+i]
		}
		p[3] = math.MaxUint8
	}
	return img
}
