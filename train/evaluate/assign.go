package evaluate

import "math"

// assign returns for each row of a matrix, which has no more rows than columns, a column of its own, so that the sum of what stands in
// the rows at their columns is the largest that there is: the assignment problem, by the Hungarian method of Kuhn (Naval Research
// Logistics Quarterly 2, 1955) in the form with shortest augmenting paths (Jonker and Volgenant, Computing 38, 1987), in
// O(rows²·columns). It computes with whole numbers, so the sum is exactly the largest.
//
// Row by row joins: a new one begins at a column that stands for it alone, behind the others, and takes the shortest path over columns
// that others have to one that is free, by lengths gain(best) − gain that potentials keep from being negative. Each row on the path moves
// to the next column.
func assign(gains [][]int) []int {
	columns := len(gains[0])
	ofRow, ofColumn := make([]int, len(gains)), make([]int, columns+1) // potentials
	rowOf := make([]int, columns+1)                                    // that has the column; −1: it is free
	for column := range rowOf {
		rowOf[column] = -1
	}
	for row := range gains {
		rowOf[columns] = row
		distance, from, reached := make([]int, columns), make([]int, columns), make([]bool, columns+1)
		for column := range distance {
			distance[column] = math.MaxInt
		}
		at := columns
		for rowOf[at] >= 0 {
			reached[at] = true
			r, nearest := rowOf[at], -1
			for column := range columns {
				if reached[column] {
					continue
				}
				if d := -gains[r][column] - ofRow[r] - ofColumn[column]; d < distance[column] {
					distance[column], from[column] = d, at
				}
				if nearest < 0 || distance[column] < distance[nearest] {
					nearest = column
				}
			}
			step := distance[nearest]
			for column := range reached {
				if reached[column] {
					ofRow[rowOf[column]] += step
					ofColumn[column] -= step
				} else if column < columns {
					distance[column] -= step
				}
			}
			at = nearest
		}
		for at != columns {
			rowOf[at], at = rowOf[from[at]], from[at]
		}
	}
	columnOf := make([]int, len(gains))
	for column, row := range rowOf[:columns] {
		if row >= 0 {
			columnOf[row] = column
		}
	}
	return columnOf
}
