// The arguments of each kernel: one struct, passed by value. This is plain C, which the kernels include; args.go has the same structs
// in Go, and a test compares the two, field by field.
#ifndef ARGS_H
#define ARGS_H

// An activation f, and the operations of a list. Their numbers are in args.go too.
enum {
    IDENTITY,
    RELU,
    TANH,
    SIGMOID
};

// An address in the device's memory. 0: there is none.
#define DEV(T) T *

// What the steps of a stretch share. The host writes it before a stretch and reads it after.
typedef struct {
    unsigned long long step; // updates made before the stretch
    int at;                  // the step of the stretch at hand, counted from 0; -1 before begin_step has run
    int stopped;             // 1 + the first step whose loss is not finite, or that follows an overflow; 0: none. No update after that
    int overflow;            // 1 + the first step whose update is not finite; 0: none
} control_block;

// begin_step: at += 1, and scalars[columns] = table[at, columns]. After an overflow, the step is stopped.
typedef struct {
    DEV(control_block) control;
    DEV(const float) table;
    DEV(float) scalars;
    int columns;
} begin_step_args;

// gather_pixels: x[images·repeat, width] = images/255; gather_labels: the same of one-hot labels. Row r is of the image
// indices[at·stride + r/repeat].
typedef struct {
    DEV(const control_block) control;
    DEV(const int) indices;
    DEV(const unsigned char) from; // pixels, [n, width], or labels, [n]
    DEV(float) x;
    int stride; // images of a whole batch
    int images; // of this batch
    int repeat; // rows of an image
    int width;  // of a row: pixels, or classes
} gather_args;

// draw_normal, draw_uniform: x[images, width], drawn by Philox. Without indices from the step control.step + at, as one sequence for
// all images; with indices for each image one sequence, from the step that is its index, indices[at·stride + image].
typedef struct {
    DEV(const control_block) control;
    DEV(const int) indices;
    DEV(float) x;
    unsigned long long seed;
    unsigned stream;
    int stride;
    int images;
    int width;
} draw_args;

// dense_forward: y[m, n] = f(x[m, k]·w[n, k]ᵀ + b[n]).
typedef struct {
    DEV(const float) x;
    DEV(const float) w;
    DEV(const float) b;
    DEV(float) y;
    int m;
    int n;
    int k;
    int activation;
} dense_forward_args;

// dense_input_gradient: dx[m, n] = da[m, k]·w[k, n], and times f′ where y = f(…), [m, n], is given.
typedef struct {
    DEV(const float) da;
    DEV(const float) w;
    DEV(const float) y;
    DEV(float) dx;
    int m;
    int n;
    int k;
    int activation;
} dense_input_gradient_args;

// A parameter with Adam's two moments.
typedef struct {
    DEV(float) w;
    DEV(float) m;
    DEV(float) v;
} parameter;

// What an update by Adam takes besides: rates[0] is the learning rate over 1 − β₁ᵗ, and rates[1] is 1/√(1 − β₂ᵗ).
typedef struct {
    DEV(control_block) control;
    DEV(const float) rates;
    float beta1;
    float beta2;
    float epsilon;
} adam_settings;

// dense_update: dw[m, n] = da[k, m]ᵀ·x[k, n] and db[m] = Σ_k da[k, m], and the update of weight and bias by them. What has no
// address is left out: of dw, db, weight.w and bias.w.
typedef struct {
    DEV(const float) da;
    DEV(const float) x;
    DEV(float) dw;
    DEV(float) db;
    parameter weight;
    parameter bias;
    adam_settings adam;
    int m;
    int n;
    int k;
} dense_update_args;

// adam: the update of p[n] by g[n].
typedef struct {
    parameter p;
    DEV(const float) g;
    adam_settings adam;
    int n;
} adam_args;

// bernoulli_rows, kl_rows, categorical_rows: y[rows], of sums over the columns of a and b, [rows, cols]. softmax_rows: y[rows, cols],
// of those of a; b is not read.
typedef struct {
    DEV(const float) a;
    DEV(const float) b;
    DEV(float) y;
    int rows;
    int cols;
} rows_args;

// columns: y[rows, cols], the first cols columns of [a | b], where a is [rows, width]. Where cols is larger than width, b is
// [rows, cols − width]; else it is not read.
typedef struct {
    DEV(const float) a;
    DEV(const float) b;
    DEV(float) y;
    int rows;
    int cols;
    int width;
} columns_args;

// The operations of a list. i counts the n values of y; row is i/cols.
enum {
    ADD = 1,                // y = a + b
    SCALE,                  // y = scale·a
    MULTIPLY,               // y = a·b
    ADD_SCALED,             // y = a + b·c
    ACTIVATE_IDENTITY,      // y = a
    ACTIVATE_RELU,          // y = f(a)
    ACTIVATE_TANH,          //
    ACTIVATE_SIGMOID,       //
    RELU_GRADIENT,          // y = b·f′, of a = f(…)
    TANH_GRADIENT,          //
    SIGMOID_GRADIENT,       //
    REPARAMETERIZE,         // y = a + exp(½·b)·c
    REPARAMETERIZE_LOGVAR,  // y = c·½·exp(½·a)·b
    BERNOULLI_LOGITS,       // y = c[row]·(b − sigmoid(a))
    KL_MEAN,                // y = c[row]·a
    KL_LOGVAR,              // y = c[row]·½·(exp(a) − 1)
    CATEGORICAL_LOGITS,     // y = c[row]·(b − a), of a = softmax(…)
    MEAN,                   // y[0] = scale·Σ a[n]/n; in_order only, as those after it
    BROADCAST,              // y = scale·a[0]/n
    RECORD,                 // y[at·cols + n] = a[0]
    CHECK,                  // stopped = at + 1 if a[0] is not finite and stopped is 0
};

typedef struct {
    int op;
    float scale;
    DEV(float) y;
    DEV(const float) a;
    DEV(const float) b;
    DEV(const float) c;
    int n;
    int cols;
} instruction;

#define LIST_LENGTH 16

// each: every thread has one i, and follows the list for it, so an instruction may read what another before it made for the same i.
// in_order: one block follows the list, and all of an instruction is done before the next.
typedef struct {
    DEV(control_block) control;
    int count;
    instruction list[LIST_LENGTH];
} list_args;

#endif
