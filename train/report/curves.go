package report

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"govae/internal/files"
	"govae/model"
	"govae/model/machine"
)

// The look of curves.png.
const (
	panelWidth, panelHeight = 10 * vg.Centimeter, 9.5 * vg.Centimeter
	curvesDPI               = 96
	mostMarked              = 30 // epochs up to which each is marked with a point
	mostTicks               = 10
)

var (
	trainColor = color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 0xff} // blue
	testColor  = color.RGBA{R: 0xe6, G: 0x6f, B: 0x00, A: 0xff} // orange: told apart from the blue by most colour-blind eyes
	gridColor  = color.Gray{Y: 0xe0}
	axisColor  = color.Gray{Y: 0x55}
)

// WriteCurves draws the terms over the epochs, side by side, each on training and test images.
func WriteCurves(path string, terms []model.Term, epochs []Epoch) error {
	var panels []*plot.Plot
	for i, term := range terms {
		panel, err := curvePanel(term.Title, epochs, i)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		panels = append(panels, panel)
	}

	canvas := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(vg.Length(len(panels))*panelWidth, panelHeight), vgimg.UseDPI(curvesDPI))}
	margin := vg.Points(10)
	tiles := draw.Tiles{Rows: 1, Cols: len(panels), PadX: vg.Points(24), PadTop: margin, PadBottom: margin, PadLeft: margin, PadRight: margin}
	for i, area := range plot.Align([][]*plot.Plot{panels}, tiles, draw.New(canvas))[0] {
		panels[i].Draw(area)
	}
	return files.Write(path, func(w io.Writer) error {
		_, err := canvas.WriteTo(w)
		return err
	})
}

// curvePanel draws the term at one place of a model's terms.
func curvePanel(title string, epochs []Epoch, term int) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = title
	p.Title.Padding = vg.Points(8)
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Variant, style.Font.Size = "Sans", vg.Points(10)
	}
	p.Title.TextStyle.Font.Size = vg.Points(13)
	p.X.Label.Text = "epoch"
	p.Y.Label.Text = "nats per image"
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Tick.Color = axisColor, axisColor
		axis.Label.TextStyle.Color, axis.Tick.Label.Color = axisColor, axisColor
	}
	p.X.Tick.Marker = plot.TickerFunc(epochTicks)
	p.Y.Tick.Marker = plot.TickerFunc(labelledTicks)

	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = gridColor, gridColor
	grid.Horizontal.Width, grid.Vertical.Width = vg.Points(1), vg.Points(1)
	p.Add(grid)
	first, last := epochs[0].Test, epochs[len(epochs)-1].Test
	p.Legend.Top = last[term] <= first[term] // the corner at the right that the curves leave free
	p.Legend.Padding = vg.Points(4)

	for _, curve := range []struct {
		name  string
		color color.Color
		of    func(Epoch) machine.Terms
	}{
		{"train", trainColor, func(e Epoch) machine.Terms { return e.Train }},
		{"test", testColor, func(e Epoch) machine.Terms { return e.Test }},
	} {
		var points plotter.XYs
		for _, e := range epochs {
			if y := curve.of(e)[term]; !math.IsNaN(y) { // NaN is not known
				points = append(points, plotter.XY{X: float64(e.Number), Y: y})
			}
		}
		if len(points) == 0 {
			continue
		}
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = curve.color, vg.Points(2)
		marks.Color, marks.Shape, marks.Radius = curve.color, draw.CircleGlyph{}, vg.Points(3)
		p.Add(line)
		p.Legend.Add(curve.name, line)
		if len(epochs) <= mostMarked {
			p.Add(marks)
		}
	}
	return p, nil
}

// labelledTicks leaves out the ticks between those that have a label.
func labelledTicks(low, high float64) []plot.Tick {
	return slices.DeleteFunc(plot.DefaultTicks{}.Ticks(low, high), plot.Tick.IsMinor)
}

// epochTicks marks whole epochs, at most mostTicks of them.
func epochTicks(low, high float64) []plot.Tick {
	step := 1
	for i := 0; (high-low)/float64(step) > mostTicks; i++ {
		step = step * [...]int{2, 5, 10}[i%3] / [...]int{1, 2, 5}[i%3] // 1, 2, 5, 10, 20, …
	}
	var ticks []plot.Tick
	for at := step * int(math.Ceil(low/float64(step))); float64(at) <= high; at += step {
		ticks = append(ticks, plot.Tick{Value: float64(at), Label: strconv.Itoa(at)})
	}
	return ticks
}
