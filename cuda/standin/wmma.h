// Tensor cores: nvcuda::wmma's fragments of 16×16×8 TF32. A lane holds its share of the elements; which ones is not specified, so here it
// is an order of our own. A kernel that multiplies values that were not rounded to TF32 is stopped: a card would drop the bits in silence.
#ifndef WMMA_H
#define WMMA_H

#include <type_traits>

namespace nvcuda {
namespace wmma {

struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;
namespace precision {
struct tf32;
}
enum layout_t { mem_row_major, mem_col_major };

template <class Use, int M, int N, int K, class T, class Layout = void> struct fragment;
template <class Layout> struct fragment<matrix_a, 16, 16, 8, precision::tf32, Layout> {
    static constexpr int num_elements = 4;
    float x[num_elements];
};
template <class Layout> struct fragment<matrix_b, 16, 16, 8, precision::tf32, Layout> {
    static constexpr int num_elements = 4;
    float x[num_elements];
};
template <> struct fragment<accumulator, 16, 16, 8, float, void> {
    static constexpr int num_elements = 8;
    float x[num_elements];
};
template <class Layout> using fragment_a = fragment<matrix_a, 16, 16, 8, precision::tf32, Layout>;
template <class Layout> using fragment_b = fragment<matrix_b, 16, 16, 8, precision::tf32, Layout>;
using fragment_c = fragment<accumulator, 16, 16, 8, float>;

// The nearest TF32, which has 10 bits after the point; a tie goes away from zero.
inline float __float_to_tf32(float f) {
    const unsigned bits = __float_as_uint(f);
    return (bits & 0x7f800000) == 0x7f800000 ? f : __uint_as_float((bits + 0x1000) & ~0x1fffu);
}
inline bool is_tf32(float f) { return !(__float_as_uint(f) & 0x1fff) || isnan(f); }

// The element, of those of the whole matrix in their order, that is number i of this lane, of each of them.
inline int element(int i, int each) { return (standin::lane() * 5 & 31) * each + i; }

template <class F> void fill_fragment(F &f, float value) {
    for (float &x : f.x)
        x = value;
}

// Ends the launch where a card has not promised to read or write a matrix: its pointer has to be a multiple of 32 bytes, its stride of 16.
inline void aligned(const float *p, unsigned stride) {
    if ((uintptr_t)p % 32 || stride % 4)
        standin::stop(716, "a matrix for tensor cores is not at a multiple of 32 bytes, or its stride is not of 16");
}

// a is [16, 8].
template <class Layout> void load_matrix_sync(fragment_a<Layout> &a, const float *p, unsigned stride, CALLER) {
    aligned(p, stride);
    standin::converge({file, line});
    for (int i = 0; i < a.num_elements; i++) {
        const int e = element(i, a.num_elements), m = e / 8, k = e % 8;
        a.x[i] = std::is_same<Layout, row_major>::value ? p[m * stride + k] : p[k * stride + m];
    }
}

// b is [8, 16]; its elements are in the order of its transpose.
template <class Layout> void load_matrix_sync(fragment_b<Layout> &b, const float *p, unsigned stride, CALLER) {
    aligned(p, stride);
    standin::converge({file, line});
    for (int i = 0; i < b.num_elements; i++) {
        const int e = element(i, b.num_elements), n = e / 8, k = e % 8;
        b.x[i] = std::is_same<Layout, row_major>::value ? p[k * stride + n] : p[n * stride + k];
    }
}

inline void load_matrix_sync(fragment_c &c, const float *p, unsigned stride, layout_t layout, CALLER) {
    aligned(p, stride);
    standin::converge({file, line});
    for (int i = 0; i < c.num_elements; i++) {
        const int e = element(i, c.num_elements), m = e / 16, n = e % 16;
        c.x[i] = layout == mem_row_major ? p[m * stride + n] : p[n * stride + m];
    }
}

inline void store_matrix_sync(float *p, const fragment_c &c, unsigned stride, layout_t layout, CALLER) {
    aligned(p, stride);
    for (int i = 0; i < c.num_elements; i++) {
        const int e = element(i, c.num_elements), m = e / 16, n = e % 16;
        p[layout == mem_row_major ? m * stride + n : n * stride + m] = c.x[i];
    }
    standin::converge({file, line});
}

// d = a·b + c, each element as a sum in the order of k. The lanes exchange a and b through the warp's scratch.
template <class LayoutA, class LayoutB>
void mma_sync(fragment_c &d, const fragment_a<LayoutA> &a, const fragment_b<LayoutB> &b, const fragment_c &c, CALLER) {
    float *all_a = standin::warp_scratch(), *all_b = all_a + 16 * 8;
    standin::converge({file, line}); // the last product has read the scratch
    for (int i = 0; i < a.num_elements; i++) {
        if (!is_tf32(a.x[i]) || !is_tf32(b.x[i]))
            standin::stop(719, "mma_sync of a value that was not rounded to TF32");
        all_a[element(i, a.num_elements)] = a.x[i];
        all_b[element(i, b.num_elements)] = b.x[i];
    }
    standin::converge({file, line});
    for (int i = 0; i < c.num_elements; i++) {
        const int e = element(i, c.num_elements), m = e / 16, n = e % 16;
        float sum = c.x[i];
        for (int k = 0; k < 8; k++)
            sum = fmaf(all_a[m * 8 + k], all_b[n * 8 + k], sum);
        d.x[i] = sum;
    }
}

} // namespace wmma
} // namespace nvcuda

#endif
