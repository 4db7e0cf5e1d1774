// Checks the products with a small dimension against plain loops at odd sizes; memory is exactly as large as the kernel is
// told, so that AddressSanitizer sees each access beyond it. Compiled with the kernel KERNEL; prints what is wrong and
// ends with 1.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void KERNEL(const float *a, int64_t a_row, int64_t a_step, const float *b, float *c, int64_t columns, int64_t depth,
            int64_t row, int64_t end_row, int64_t column, int64_t end_column, int32_t add);

static uint64_t state;

static float random_float(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (float)(state >> 33) / 0x1p30f - 1.0f;
}

static float *numbers(int64_t count) {
  float *p = malloc((size_t)(count > 0 ? count : 1) * sizeof(float));
  for (int64_t i = 0; i < count; i++) {
    p[i] = random_float();
  }
  return p;
}

// How far c is from the sums of products, in parts of these.
static double error(const float *a, int64_t a_row, int64_t a_step, const float *b, const float *before, const float *c,
                    int64_t rows, int64_t columns, int64_t depth, int add) {
  double largest = 0;
  for (int64_t m = 0; m < rows; m++) {
    for (int64_t j = 0; j < columns; j++) {
      double sum = add ? before[m * columns + j] : 0, norm = fabs(sum);
      for (int64_t k = 0; k < depth; k++) {
        double product = (double)a[m * a_row + k * a_step] * b[k * columns + j];
        sum += product;
        norm += fabs(product);
      }
      largest = fmax(largest, fabs(c[m * columns + j] - sum) / (norm + 1e-9));
    }
  }
  return largest;
}

// In two parts by rows, or by columns.
static int run(int64_t rows, int64_t columns, int64_t depth, int turned, int add, int by_columns) {
  int64_t a_row = turned ? 1 : depth, a_step = turned ? rows : 1;
  float *a = numbers(rows * depth), *b = numbers(depth * columns), *c = numbers(rows * columns);
  float *before = malloc((size_t)(rows * columns) * sizeof(float));
  memcpy(before, c, (size_t)(rows * columns) * sizeof(float));
  if (by_columns) {
    int64_t half = columns / 2;
    KERNEL(a, a_row, a_step, b, c, columns, depth, 0, rows, 0, half, add);
    KERNEL(a, a_row, a_step, b, c, columns, depth, 0, rows, half, columns, add);
  } else {
    int64_t half = rows / 2;
    KERNEL(a, a_row, a_step, b, c, columns, depth, 0, half, 0, columns, add);
    KERNEL(a, a_row, a_step, b, c, columns, depth, half, rows, 0, columns, add);
  }
  double found = error(a, a_row, a_step, b, before, c, rows, columns, depth, add);
  int failed = !(found <= 1e-6);
  if (failed) {
    printf("[%ld, %ld] x [%ld, %ld], turned %d, add %d, by columns %d: relative error %g, at most 1e-6\n", (long)rows,
           (long)depth, (long)depth, (long)columns, turned, add, by_columns, found);
  }
  free(a), free(b), free(c), free(before);
  return failed;
}

// Argument: a seed.
int main(int count, char **arguments) {
  static const int sizes[][3] = {{1, 1, 1},  {2, 8, 3},    {9, 16, 5},   {16, 33, 16}, {5, 47, 127}, {8, 48, 128},
                                 {3, 7, 129}, {17, 96, 300}, {130, 16, 16}, {12, 65, 0}};
  state = count > 1 ? strtoull(arguments[1], NULL, 10) : 1;
  int failures = 0;
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    for (int bits = 0; bits < 8; bits++) {
      failures += run(sizes[s][0], sizes[s][1], sizes[s][2], bits & 1, bits >> 1 & 1, bits >> 2);
    }
  }
  printf("%d failures\n", failures);
  return failures > 0;
}
