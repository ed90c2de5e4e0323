package report

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"govae/internal/words"
	"govae/model"
	"govae/model/machine"
)

// table reads the rows of a file of metrics, which others may have edited.
type table struct {
	csv    *csv.Reader
	terms  []model.Term
	header []string // names that the columns would have were there all
	names  []string // of the columns that there are
	commas bool     // between the columns, and not in the numbers
	rows   int      // read so far, the header not among them
	line   int      // of the file, in which the last of them ends; the first is 1
}

var byteOrderMark = []byte("\ufeff") // with which some programs begin a text

// readTable reads the header.
func readTable(file io.Reader, terms []model.Term) (*table, error) {
	text := bufio.NewReader(file)
	if mark, _ := text.Peek(len(byteOrderMark)); bytes.Equal(mark, byteOrderMark) {
		text.Discard(len(byteOrderMark))
	}
	t := &table{csv: csv.NewReader(text), terms: terms, header: metricsHeader(terms)}
	t.csv.Comma = separator(text, t.header)
	t.commas = t.csv.Comma == ','
	t.csv.FieldsPerRecord = -1 // the fields are counted here
	var err error
	if t.names, err = t.read(); err == io.EOF {
		return nil, errors.New("it is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("the first line: %w", err)
	}
	return t, t.checkNames()
}

// separator returns what stands between the columns: in the header, behind the name of the first one.
func separator(text *bufio.Reader, header []string) rune {
	first := strconv.Quote(header[0])
	begin, _ := text.Peek(len(first) + 1)
	after := bytes.TrimPrefix(bytes.TrimPrefix(begin, []byte(first)), []byte(header[0]))
	if len(after) > 0 && (after[0] == ';' || after[0] == '\t') {
		return rune(after[0])
	}
	return ','
}

// checkNames checks that the names are those of a header, in its order, of which terms may be missing.
func (t *table) checkNames() error {
	for _, name := range t.names {
		if !slices.Contains(t.header, name) {
			return fmt.Errorf("the first line: %.40q is no column of a run's metrics", name)
		}
	}
	isTerm := func(name string) bool { return strings.HasPrefix(name, "train_") || strings.HasPrefix(name, "test_") }
	present := slices.DeleteFunc(slices.Clone(t.header), func(name string) bool { return isTerm(name) && !slices.Contains(t.names, name) })
	for i, name := range present {
		if !slices.Contains(t.names, name) {
			return fmt.Errorf("the first line: the column %s is missing", name)
		}
		if t.names[i] != name {
			return fmt.Errorf("the first line: column %d is %s, want %s", i+1, t.names[i], name)
		}
	}
	if len(t.names) > len(present) {
		return fmt.Errorf("the first line: the column %s is there twice", t.names[len(present)])
	}
	return nil
}

// read returns the fields of the next row. io.EOF says that there is none.
func (t *table) read() ([]string, error) {
	row, err := t.csv.Read()
	var malformed *csv.ParseError
	if errors.As(err, &malformed) { // it only ever finds fault with quotes
		t.line = malformed.Line
		return nil, errors.New(`a quote (") is where none belongs, or is not closed`)
	}
	if err == nil {
		t.line, _ = t.csv.FieldPos(len(row) - 1)
	}
	return row, err
}

// next returns the next epoch. io.EOF says that there is none.
func (t *table) next() (e Epoch, err error) {
	row, err := t.read()
	if err == io.EOF {
		return e, err
	}
	t.rows++
	if err != nil {
		return e, err
	}
	if len(row) != len(t.names) {
		return e, fmt.Errorf("it has %s, and the header %d", words.Counted(len(row), "column"), len(t.names))
	}
	if e.Number, err = whole[int](t.plain(row[0])); err != nil || e.Number < 1 {
		return e, fmt.Errorf("epoch is %.40q, want a whole number from 1 on", row[0])
	}
	if e.Step, err = whole[uint64](t.plain(row[1])); err != nil {
		return e, fmt.Errorf("step is %.40q, want a whole number", row[1])
	}
	return e, t.fill(&e, row)
}

// fill sets all of an epoch but its first two columns.
func (t *table) fill(e *Epoch, row []string) error {
	e.Train, e.Test = make(machine.Terms, len(t.terms)), make(machine.Terms, len(t.terms))
	for i, v := range e.numbers() {
		name, isTerm := t.header[2+i], i < 2*len(t.terms)
		column := slices.Index(t.names, name)
		if isTerm && (column < 0 || row[column] == "") {
			*v = math.NaN()
			continue
		}
		var err error
		if *v, err = strconv.ParseFloat(t.plain(row[column]), 64); err != nil || isTerm && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
			return fmt.Errorf("%s is %.40q, want a finite number", name, row[column])
		}
	}
	return nil
}

// plain returns a number with a point, also where columns are separated by something else because a comma stands in its place.
func (t *table) plain(number string) string {
	if t.commas {
		return number
	}
	return strings.Replace(number, ",", ".", 1)
}

// whole reads a whole number, also where a program that knows no others has made 1.0 of it.
func whole[N int | uint64](text string) (N, error) {
	if n, err := strconv.ParseUint(text, 10, strconv.IntSize-1); err == nil {
		return N(n), nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err == nil && (v != math.Trunc(v) || v < 0 || v > 1<<53) {
		err = strconv.ErrRange
	}
	return N(v), err
}
