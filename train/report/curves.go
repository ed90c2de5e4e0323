package report

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"govae/internal/files"
	"govae/model"
)

// The look of curves.png.
const (
	panelWidth, panelHeight = 10 * vg.Centimeter, 9.5 * vg.Centimeter
	curvesDPI               = 96
	mostMarked              = 30 // epochs up to which each is marked with a point
	mostEpochTicks          = 10
	mostValueTicks          = 8

	legendHeight, legendGap vg.Length = 24, 10 // points
)

// What values look like.
const (
	smallestValue = 1e-300 // below it, a value is taken for zero: nearer to it, numbers have fewer digits
	resolution    = 1e-7   // of values, of which float32 holds about as many digits: what differs by less is alike
	flatMargin    = 0.1    // around values that are all alike, as a share of them
)

var (
	trainColor = color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 0xff} // blue
	testColor  = color.RGBA{R: 0xe6, G: 0x6f, B: 0x00, A: 0xff} // orange: told apart from the blue by most colour-blind eyes
	gridColor  = color.Gray{Y: 0xe0}
	axisColor  = color.Gray{Y: 0x55}
)

// WriteCurves draws the terms over the epochs, side by side, each on training and test images. Whatever the values are, it does not panic;
// those that are not known or not finite have no place in a picture.
func WriteCurves(path string, terms []model.Term, epochs []Epoch) (err error) {
	defer func() {
		if fault := recover(); fault != nil { // of the plotting library, which panics at what it cannot draw
			err = fmt.Errorf("%s cannot be drawn: %v", path, fault)
		}
	}()
	var panels []*panel
	var plots []*plot.Plot
	for i, term := range terms {
		p, err := newPanel(term, epochs, i)
		if err != nil {
			return fmt.Errorf("%s cannot be drawn: %w", path, err)
		}
		panels, plots = append(panels, p), append(plots, p.Plot)
	}

	canvas := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(vg.Length(len(panels))*panelWidth, panelHeight), vgimg.UseDPI(curvesDPI))}
	margin := vg.Points(10)
	tiles := draw.Tiles{Rows: 1, Cols: len(panels), PadX: vg.Points(24), PadTop: margin, PadBottom: margin, PadLeft: margin, PadRight: margin}
	for i, area := range plot.Align([][]*plot.Plot{plots}, tiles, draw.New(canvas))[0] {
		panels[i].draw(area)
	}
	return files.Write(path, func(w io.Writer) error {
		_, err := canvas.WriteTo(w)
		return err
	})
}

// panel is the plot of one term, with a legend between its title and its axes, where it covers no curve.
type panel struct {
	*plot.Plot
	legend []plot.Legend // an entry each, from left to right
}

// newPanel plots the term at one place of a model's terms.
func newPanel(term model.Term, epochs []Epoch, place int) (*panel, error) {
	p := &panel{Plot: plot.New()}
	p.style()
	p.Title.Text = term.Title
	if term.Formula != "" {
		p.Title.Text += " = " + term.Formula
	}

	curves := []struct {
		name   string
		color  color.Color
		points plotter.XYs
	}{
		{"train", trainColor, points(epochs, func(e Epoch) float64 { return e.Train[place] })},
		{"test", testColor, points(epochs, func(e Epoch) float64 { return e.Test[place] })},
	}
	exponent := scale(curves[0].points, curves[1].points)
	p.Y.Label.Text = "nats per image"
	if exponent != 0 {
		p.Y.Label.Text = fmt.Sprintf("10^%d nats per image", exponent)
	}
	for _, curve := range curves {
		if len(curve.points) == 0 {
			continue
		}
		line, marks, err := plotter.NewLinePoints(curve.points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = curve.color, vg.Points(2)
		marks.Color, marks.Shape, marks.Radius = curve.color, draw.CircleGlyph{}, vg.Points(3)
		p.Add(line)
		if len(epochs) <= mostMarked {
			p.Add(marks)
		}
		p.addToLegend(curve.name, line)
	}
	p.X.Min, p.X.Max = drawable(p.X.Min, p.X.Max, 0.5)
	p.Y.Min, p.Y.Max = drawable(p.Y.Min, p.Y.Max, flatMargin*max(math.Abs(p.Y.Min), math.Abs(p.Y.Max)))
	return p, nil
}

// style sets all of the panel's look that does not depend on its curves.
func (p *panel) style() {
	p.Title.Padding = legendHeight
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Variant, style.Font.Size = "Sans", vg.Points(10)
	}
	p.Title.TextStyle.Font.Size = vg.Points(13)
	p.X.Label.Text = "epoch"
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Tick.Color = axisColor, axisColor
		axis.Label.TextStyle.Color, axis.Tick.Label.Color = axisColor, axisColor
	}
	p.X.Tick.Marker = plot.TickerFunc(epochTicks)
	p.Y.Tick.Marker = plot.TickerFunc(valueTicks)

	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = gridColor, gridColor
	grid.Horizontal.Width, grid.Vertical.Width = vg.Points(1), vg.Points(1)
	p.Add(grid)
}

func (p *panel) addToLegend(name string, line *plotter.Line) {
	entry := plot.NewLegend()
	entry.TextStyle, entry.Left, entry.Top = p.Legend.TextStyle, true, true
	entry.Add(name, line)
	p.legend = append(p.legend, entry)
}

// draw draws the panel, and its legend right above the axes, at their right end.
func (p *panel) draw(area draw.Canvas) {
	p.Draw(area)
	axes := p.DataCanvas(area)
	width := func(entry plot.Legend) vg.Length { return entry.Rectangle(area).Size().X }
	left := axes.Max.X
	for _, entry := range p.legend {
		left -= width(entry) + legendGap
	}
	for _, entry := range p.legend {
		left += legendGap
		row := area
		row.Min = vg.Point{X: left, Y: axes.Max.Y}
		row.Max = vg.Point{X: left + width(entry), Y: axes.Max.Y + legendHeight}
		entry.Draw(row)
		left += width(entry)
	}
}

// points returns a curve over the epochs, without the places where it is not known or not finite.
func points(epochs []Epoch, of func(Epoch) float64) (points plotter.XYs) {
	for _, e := range epochs {
		if y := of(e); !math.IsNaN(y) && !math.IsInf(y, 0) {
			points = append(points, plotter.XY{X: float64(e.Number), Y: y})
		}
	}
	return points
}

// scale divides values by a power of ten, if they are of a kind that needs many digits or too many for the arithmetic of a plot, and
// returns its exponent.
func scale(curves ...plotter.XYs) (exponent int) {
	var largest float64
	for _, curve := range curves {
		for _, at := range curve {
			largest = max(largest, math.Abs(at.Y))
		}
	}
	if largest < smallestValue || 1e-3 <= largest && largest < 1e6 {
		return 0
	}
	exponent = int(math.Floor(math.Log10(largest)))
	for _, curve := range curves {
		for i := range curve {
			curve[i].Y /= math.Pow10(exponent)
		}
	}
	return exponent
}

// drawable returns the range of an axis on which values from low to high are shown. Values that are all alike, but for what is rounded in
// float32, are put in the middle, with a margin around them; without any, low is above high.
func drawable(low, high, margin float64) (float64, float64) {
	if low > high {
		return 0, 1
	}
	rounding := resolution * max(math.Abs(low), math.Abs(high), smallestValue)
	if high-low > rounding {
		return low, high
	}
	if margin = max(margin, rounding); margin < smallestValue {
		margin = 1
	}
	return low - margin, high + margin
}

func valueTicks(low, high float64) []plot.Tick {
	return roundTicks(low, high, mostValueTicks, math.MinInt)
}

// epochTicks marks whole epochs.
func epochTicks(low, high float64) []plot.Tick { return roundTicks(low, high, mostEpochTicks, 0) }

// roundTicks puts ticks at the multiples of 1, 2 or 5 times a power of ten, with an exponent from the given one on: of the first of these
// that goes into the range no more than so many times.
func roundTicks(low, high float64, most, exponent int) []plot.Tick {
	span := high - low
	for exponent = max(exponent, int(math.Floor(math.Log10(span/float64(most))))); ; exponent++ {
		for _, digit := range []float64{1, 2, 5} {
			if span <= float64(most)*times10(digit, exponent) {
				return multiples(low, high, digit, exponent)
			}
		}
	}
}

// multiples puts ticks at the multiples of digit·10^exponent from low to high, and labels all of them with as many decimals as that has.
func multiples(low, high, digit float64, exponent int) (ticks []plot.Tick) {
	for i := math.Ceil(low / times10(digit, exponent)); ; i++ {
		at := times10(i*digit, exponent)
		if at > high {
			return ticks
		}
		if at < low { // which the quotient is too small to tell
			continue
		}
		ticks = append(ticks, plot.Tick{Value: at, Label: strconv.FormatFloat(at+0, 'f', max(0, -exponent), 64)}) // +0: no -0
	}
}

// times10 returns v·10^exponent, rounded once.
func times10(v float64, exponent int) float64 {
	if exponent < 0 {
		return v / math.Pow10(-exponent)
	}
	return v * math.Pow10(exponent)
}
