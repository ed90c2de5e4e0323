package main

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"govae/internal/files"
	"govae/internal/words"
	"govae/model"
)

// The look of the plots.
const (
	panelWidth = 12 * vg.Centimeter
	plotDPI    = 96
)

var (
	axisColor  = color.Gray{Y: 0x55}
	kindColors = map[model.Kind]color.Color{
		model.AE:  color.RGBA{R: 0xe6, G: 0x6f, B: 0x00, A: 0xff},
		model.VAE: color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 0xff},
	}
	// classColors tell ten classes apart: Tableau's palette.
	classColors = []color.Color{
		color.RGBA{0x4e, 0x79, 0xa7, 0xff}, color.RGBA{0xf2, 0x8e, 0x2b, 0xff}, color.RGBA{0xe1, 0x57, 0x59, 0xff}, color.RGBA{0x76, 0xb7, 0xb2, 0xff},
		color.RGBA{0x59, 0xa1, 0x4f, 0xff}, color.RGBA{0xed, 0xc9, 0x48, 0xff}, color.RGBA{0xb0, 0x7a, 0xa1, 0xff}, color.RGBA{0xff, 0x9d, 0xa7, 0xff},
		color.RGBA{0x9c, 0x75, 0x5f, 0xff}, color.RGBA{0x40, 0x40, 0x40, 0xff},
	}
)

// newPanel returns an empty plot in the look of all.
func newPanel(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Variant, style.Font.Size = "Sans", 10
	}
	p.Title.TextStyle.Font.Size, p.Title.Padding = 12, 6
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Tick.Color, axis.Tick.Label.Color, axis.Label.TextStyle.Color = axisColor, axisColor, axisColor, axisColor
	}
	return p
}

// drawCurves draws the reconstruction over the steps: a panel for each number of training images.
func drawCurves(path string, r *results) error {
	var panels []*plot.Plot
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range r.Wide() {
		if len(panels) == 0 || panels[len(panels)-1].Title.Text != title(c) {
			p := newPanel(title(c))
			p.X.Label.Text, p.Y.Label.Text = "training steps", "−log p(x|z), nats per image"
			p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(stepTicks)
			p.Legend.Top, p.Legend.Left, p.Legend.Padding = true, true, 1
			panels = append(panels, p)
		}
		p := panels[len(panels)-1]
		for _, side := range []struct {
			name   string
			value  func(point) float64
			dashes []vg.Length
		}{{"train", func(v point) float64 { return v.Train }, []vg.Length{5, 3}}, {"test", func(v point) float64 { return v.Test }, nil}} {
			var at plotter.XYs
			for _, v := range c.Points {
				at = append(at, plotter.XY{X: float64(v.Steps), Y: side.value(v)})
				low, high = min(low, side.value(v)), max(high, side.value(v))
			}
			line, err := plotter.NewLine(at)
			if err != nil {
				return err
			}
			line.Color, line.Width, line.Dashes = kindColors[c.Kind], 2, side.dashes
			p.Add(line)
			p.Legend.Add(strings.ToUpper(string(c.Kind))+", "+side.name, line)
		}
	}
	for _, p := range panels { // one scale for both, so that they can be compared
		p.Y.Min, p.Y.Max = math.Floor(low/10)*10, math.Ceil(high/10)*10
	}
	return writePlots(path, panels, 9*vg.Centimeter)
}

// stepTicks returns 100, 200, 500, 1,000 and so on, as far as they lie between the ends.
func stepTicks(low, high float64) (ticks []plot.Tick) {
	for decade := 1; float64(decade) <= high; decade *= 10 {
		for _, steps := range []int{decade, 2 * decade, 5 * decade} {
			if v := float64(steps); v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: words.Thousands(steps)})
			}
		}
	}
	return ticks
}

func title(c curve) string { return "trained on " + words.Counted(c.Images, "image") }

// latentPlane is where a model with a latent of two dimensions has the test images.
type latentPlane struct {
	Kind      model.Kind
	Deviation float64 // of the codes
	Test      float64 // the reconstruction, −log p(x|z)
	codes     []float32
	labels    []byte
}

// planes looks at where the models have the test images.
func (s *study) planes(r *results) error {
	for _, kind := range kinds {
		n := name{kind, s.set.Train.Len(), plane}
		codes, _, err := s.models[n].Encode(s.test)
		if err != nil {
			return err
		}
		labels := s.set.Test.Labels
		r.Planes = append(r.Planes, latentPlane{kind, deviation(matrix(codes, len(labels))), r.curveOf(n).Last().Test, codes, labels})
	}
	return nil
}

// drawPlanes draws the latent planes side by side, each label in its colour.
func drawPlanes(path string, r *results) error {
	var panels []*plot.Plot
	for _, l := range r.Planes {
		p := newPanel(fmt.Sprintf("%s: the codes of the test images", strings.ToUpper(string(l.Kind))))
		p.X.Label.Text, p.Y.Label.Text = "z₁", "z₂"
		classes := make([]plotter.XYs, len(classColors))
		for i, label := range l.labels {
			classes[label] = append(classes[label], plotter.XY{X: float64(l.codes[2*i]), Y: float64(l.codes[2*i+1])})
		}
		for class, at := range classes {
			dots, err := plotter.NewScatter(at)
			if err != nil {
				return err
			}
			dots.GlyphStyle = draw.GlyphStyle{Color: classColors[class], Radius: 0.9, Shape: draw.CircleGlyph{}}
			p.Add(dots)
			p.Legend.Add(fmt.Sprint(class), swatch{classColors[class]})
		}
		p.Legend.Top, p.Legend.Padding = true, 1
		lengthen(&p.X, 0.1) // where the legend stands
		panels = append(panels, p)
	}
	return writePlots(path, panels, 11*vg.Centimeter)
}

// lengthen makes room at the upper end of an axis, by a share of its length.
func lengthen(a *plot.Axis, share float64) { a.Max += share * (a.Max - a.Min) }

// swatch is a colour in a legend.
type swatch struct{ of color.Color }

func (s swatch) Thumbnail(c *draw.Canvas) {
	middle := vg.Point{X: (c.Min.X + c.Max.X) / 2, Y: (c.Min.Y + c.Max.Y) / 2}
	c.DrawGlyph(draw.GlyphStyle{Color: s.of, Radius: 3.5, Shape: draw.CircleGlyph{}}, middle)
}

// writePlots draws plots side by side.
func writePlots(path string, panels []*plot.Plot, height vg.Length) error {
	canvas := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(vg.Length(len(panels))*panelWidth, height), vgimg.UseDPI(plotDPI))}
	tiles := draw.Tiles{Rows: 1, Cols: len(panels), PadX: 18, PadTop: 8, PadBottom: 8, PadLeft: 8, PadRight: 12}
	for i, area := range plot.Align([][]*plot.Plot{panels}, tiles, draw.New(canvas))[0] {
		panels[i].Draw(area)
	}
	return files.Write(path, func(w io.Writer) error {
		_, err := canvas.WriteTo(w)
		return err
	})
}
