// libcublasLt for the host: matrix products as plain loops, with the checks of sizes that the
// library makes. Matrices are column-major unless their layout says otherwise: D = alpha op(A)
// op(B) + beta C, then bias and GELU.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

namespace {

enum { SUCCESS = 0, INVALID_VALUE = 7, NOT_SUPPORTED = 15 };
enum { R_32F = 0, R_16F = 2, R_16BF = 14 };
enum { COMPUTE_32F = 68, COMPUTE_32F_TF32 = 77 };
enum { OP_N = 0, OP_T = 1 };
// An epilogue is made of parts: EPILOGUE_AUX says that GELU keeps its argument, or finds it.
enum { EPILOGUE_DEFAULT = 1, EPILOGUE_BIAS = 4, EPILOGUE_GELU = 32, EPILOGUE_DGELU = 64 };
enum { EPILOGUE_AUX = 128 };

struct Desc {
  int compute, scale;
  int pointer_mode = 0, transpose_a = OP_N, transpose_b = OP_N, epilogue = EPILOGUE_DEFAULT;
  const void* bias = nullptr;
  void* auxiliary = nullptr;
  int64_t auxiliary_stride = 0;

  bool has(int part) const { return epilogue != EPILOGUE_DEFAULT && (epilogue & part) != 0; }
};

struct Layout {
  int type;
  uint64_t rows, columns;
  int64_t stride;  // between columns, or rows in row-major order
  int row_major = 0;
  int batch = 1;
  int64_t batch_stride = 0;

  bool valid() const {
    return (type == R_32F || type == R_16F || type == R_16BF) && rows > 0 && columns > 0 &&
           batch > 0 && stride >= int64_t(row_major ? columns : rows);
  }
  int64_t place(int64_t row, int64_t column) const {
    return row_major ? row * stride + column : row + column * stride;
  }
};

// What a stream of libcuda begins with: it does an operation, or writes it down.
struct Stream {
  int (*give)(Stream*, const std::function<int()>&);
};

struct Preference {
  uint64_t workspace = 0;
};

struct Heuristic {
  uint64_t algorithm[8];
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
};

float bits(uint32_t u) {
  float f;
  memcpy(&f, &u, 4);
  return f;
}

uint32_t bits(float f) {
  uint32_t u;
  memcpy(&u, &f, 4);
  return u;
}

// Rounds to nearest even at a bit.
float rounded(float x, int dropped) {
  uint32_t u = bits(x);
  if ((u & 0x7f800000) == 0x7f800000) return x;
  u += ((1u << (dropped - 1)) - 1) + ((u >> dropped) & 1);
  return bits(u >> dropped << dropped);
}

float load(const void* data, int type, int64_t at) {
  if (type == R_32F) return static_cast<const float*>(data)[at];
  uint16_t u = static_cast<const uint16_t*>(data)[at];
  if (type == R_16BF) return bits(uint32_t(u) << 16);
  _Float16 h;
  memcpy(&h, &u, 2);
  return h;
}

void store(void* data, int type, int64_t at, float value) {
  if (type == R_32F) {
    static_cast<float*>(data)[at] = value;
    return;
  }
  uint16_t u = bits(rounded(value, 16)) >> 16;
  if (type == R_16F) {
    _Float16 h = value;
    memcpy(&u, &h, 2);
  }
  static_cast<uint16_t*>(data)[at] = u;
}

uint64_t bytes(int type) { return type == R_32F ? 4 : 2; }

const char* at(const void* data, const Layout& layout, int batch) {
  return static_cast<const char*>(data) + batch * layout.batch_stride * bytes(layout.type);
}

// op(matrix) as rows of the inner dimension's length, rounded where the computation does.
std::vector<float> gather(const void* data, const Layout& layout, bool transposed, bool tf32) {
  uint64_t rows = transposed ? layout.columns : layout.rows;
  uint64_t columns = transposed ? layout.rows : layout.columns;
  std::vector<float> result(rows * columns);
  for (uint64_t i = 0; i < rows; i++) {
    for (uint64_t j = 0; j < columns; j++) {
      float value = load(data, layout.type, transposed ? layout.place(j, i) : layout.place(i, j));
      result[i * columns + j] = tf32 && layout.type == R_32F ? rounded(value, 13) : value;
    }
  }
  return result;
}

int invalid(const char* what) {
  fprintf(stderr, "fake cublasLt: %s\n", what);
  return INVALID_VALUE;
}

int check(const Desc& d, const Layout& a, const Layout& b, const Layout& c, const Layout& out) {
  if (!a.valid() || !b.valid() || !c.valid() || !out.valid())
    return invalid("a layout's size or stride");
  uint64_t m = d.transpose_a ? a.columns : a.rows, k = d.transpose_a ? a.rows : a.columns;
  uint64_t n = d.transpose_b ? b.rows : b.columns, inner = d.transpose_b ? b.columns : b.rows;
  if (k != inner || out.rows != m || out.columns != n || c.rows != m || c.columns != n)
    return invalid("sizes of factors and results do not fit");
  if (a.batch != out.batch || b.batch != out.batch || c.batch != out.batch)
    return invalid("batch counts differ");
  if (a.type != b.type || c.type != out.type ||
      (d.compute != COMPUTE_32F && d.compute != COMPUTE_32F_TF32))
    return NOT_SUPPORTED;
  if (d.compute == COMPUTE_32F_TF32 && a.type != R_32F) return NOT_SUPPORTED;
  switch (d.epilogue) {
    case EPILOGUE_DEFAULT:
    case EPILOGUE_BIAS:
    case EPILOGUE_GELU:
    case EPILOGUE_GELU | EPILOGUE_BIAS:
    case EPILOGUE_GELU | EPILOGUE_AUX:
    case EPILOGUE_GELU | EPILOGUE_AUX | EPILOGUE_BIAS:
    case EPILOGUE_DGELU | EPILOGUE_AUX:
      break;
    default:
      return NOT_SUPPORTED;
  }
  if (d.has(EPILOGUE_BIAS) && d.bias == nullptr)
    return invalid("an epilogue with a bias, which is not there");
  if (!d.has(EPILOGUE_AUX)) return SUCCESS;
  if (d.auxiliary == nullptr)
    return invalid("an epilogue with an auxiliary matrix, which is not there");
  if (d.auxiliary_stride % 8 || d.auxiliary_stride < int64_t(out.rows) || out.row_major)
    return invalid("the stride of an auxiliary matrix");
  return SUCCESS;
}

// The approximation by tanh, or its derivative. A library that is to be wrong has another function.
float gelu(float x) {
  const char* wrong = getenv("JLLM_FAKE_CUDA_WRONG");
  if (wrong != nullptr && !strcmp(wrong, "gelu")) return x > 0 ? x : 0;
  return 0.5f * x * (1 + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
}

float gelu_slope(float x) {
  float t = tanhf(0.7978845608f * (x + 0.044715f * x * x * x));
  return 0.5f * (1 + t) +
         0.5f * x * (1 - t * t) * 0.7978845608f * (1 + 3 * 0.044715f * x * x);
}

// What becomes of a sum before it is stored. Vectors and auxiliary matrices have the type of D.
float finish(const Desc& d, const Layout& out, uint64_t row, uint64_t column, float sum) {
  int64_t place = row + column * d.auxiliary_stride;
  if (d.has(EPILOGUE_BIAS)) sum += load(d.bias, out.type, row);
  if (d.has(EPILOGUE_DGELU)) return sum * gelu_slope(load(d.auxiliary, out.type, place));
  if (!d.has(EPILOGUE_GELU)) return sum;
  if (d.has(EPILOGUE_AUX)) store(d.auxiliary, out.type, place, sum);
  return gelu(sum);
}

void multiply(const Desc& d, float alpha, const void* a_data, const Layout& a, const void* b_data,
              const Layout& b, float beta, const void* c_data, const Layout& c, void* out_data,
              const Layout& out) {
  uint64_t k = d.transpose_a ? a.rows : a.columns;
  std::vector<float> left = gather(a_data, a, d.transpose_a, d.compute == COMPUTE_32F_TF32);
  std::vector<float> right = gather(b_data, b, !d.transpose_b, d.compute == COMPUTE_32F_TF32);
  for (uint64_t j = 0; j < out.columns; j++) {
    for (uint64_t i = 0; i < out.rows; i++) {
      float partial[16] = {};
      const float* x = &left[i * k];
      const float* y = &right[j * k];
      uint64_t p = 0;
      for (; p + 16 <= k; p += 16) {
        for (int lane = 0; lane < 16; lane++) partial[lane] += x[p + lane] * y[p + lane];
      }
      for (; p < k; p++) partial[p & 15] += x[p] * y[p];
      float sum = 0;
      for (float value : partial) sum += value;
      sum *= alpha;
      if (beta != 0) sum += beta * load(c_data, c.type, c.place(i, j));
      store(out_data, out.type, out.place(i, j), finish(d, out, i, j, sum));
    }
  }
}

}  // namespace

extern "C" {

int cublasLtCreate(void** handle) {
  *handle = new char;
  return SUCCESS;
}

int cublasLtDestroy(void* handle) {
  delete static_cast<char*>(handle);
  return SUCCESS;
}

size_t cublasLtGetVersion() { return 130000; }

const char* cublasLtGetStatusName(int status) {
  switch (status) {
    case SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    default:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
  }
}

const char* cublasLtGetStatusString(int status) {
  switch (status) {
    case SUCCESS:
      return "success";
    case INVALID_VALUE:
      return "an unsupported value or parameter was passed to the function";
    case NOT_SUPPORTED:
      return "the functionality requested is not supported";
    default:
      return "an internal operation failed";
  }
}

int cublasLtMatmulDescCreate(Desc** desc, int compute, int scale) {
  if (scale != R_32F) return NOT_SUPPORTED;
  *desc = new Desc{compute, scale};
  return SUCCESS;
}

int cublasLtMatmulDescDestroy(Desc* desc) {
  delete desc;
  return SUCCESS;
}

int cublasLtMatmulDescSetAttribute(Desc* desc, int attribute, const void* value, size_t size) {
  void* target = nullptr;
  size_t expected = 4;
  switch (attribute) {
    case 0:
      target = &desc->compute;
      break;
    case 1:
      target = &desc->scale;
      break;
    case 2:
      target = &desc->pointer_mode;
      break;
    case 3:
      target = &desc->transpose_a;
      break;
    case 4:
      target = &desc->transpose_b;
      break;
    case 7:
      target = &desc->epilogue;
      break;
    case 8:
      target = &desc->bias;
      expected = 8;
      break;
    case 11:
      target = &desc->auxiliary;
      expected = 8;
      break;
    case 12:
      target = &desc->auxiliary_stride;
      expected = 8;
      break;
    default:
      return NOT_SUPPORTED;
  }
  if (size != expected) return invalid("the size of an attribute of a product");
  memcpy(target, value, size);
  return desc->pointer_mode == 0 ? SUCCESS : NOT_SUPPORTED;
}

int cublasLtMatrixLayoutCreate(Layout** layout, int type, uint64_t rows, uint64_t columns,
                               int64_t stride) {
  *layout = new Layout{type, rows, columns, stride};
  return SUCCESS;
}

int cublasLtMatrixLayoutDestroy(Layout* layout) {
  delete layout;
  return SUCCESS;
}

int cublasLtMatrixLayoutSetAttribute(Layout* layout, int attribute, const void* value,
                                     size_t size) {
  void* target = nullptr;
  size_t expected = 4;
  switch (attribute) {
    case 0:
      target = &layout->type;
      break;
    case 1:
      target = &layout->row_major;
      break;
    case 2:
      target = &layout->rows;
      expected = 8;
      break;
    case 3:
      target = &layout->columns;
      expected = 8;
      break;
    case 4:
      target = &layout->stride;
      expected = 8;
      break;
    case 5:
      target = &layout->batch;
      break;
    case 6:
      target = &layout->batch_stride;
      expected = 8;
      break;
    default:
      return NOT_SUPPORTED;
  }
  if (size != expected) return invalid("the size of an attribute of a layout");
  memcpy(target, value, size);
  return SUCCESS;
}

int cublasLtMatmulPreferenceCreate(Preference** preference) {
  *preference = new Preference;
  return SUCCESS;
}

int cublasLtMatmulPreferenceDestroy(Preference* preference) {
  delete preference;
  return SUCCESS;
}

int cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute, const void* value,
                                         size_t size) {
  if (attribute != 1) return SUCCESS;  // hints alone
  if (size != 8) return invalid("the size of the workspace preference");
  memcpy(&preference->workspace, value, 8);
  return SUCCESS;
}

int cublasLtMatmulAlgoGetHeuristic(void*, Desc* desc, Layout* a, Layout* b, Layout* c, Layout* d,
                                   Preference* preference, int requested, Heuristic* results,
                                   int* count) {
  *count = 0;
  if (preference == nullptr || requested < 1) return INVALID_VALUE;
  int status = check(*desc, *a, *b, *c, *d);
  if (status != SUCCESS) return status;
  // A library may have no algorithm for an epilogue: callers must be able to do without.
  uintptr_t addresses = reinterpret_cast<uintptr_t>(desc->bias) * desc->has(EPILOGUE_BIAS) |
                        reinterpret_cast<uintptr_t>(desc->auxiliary) * desc->has(EPILOGUE_AUX);
  if (addresses % 16) return NOT_SUPPORTED;
  memset(results, 0, sizeof(Heuristic));
  results->algorithm[0] = 1;
  results->workspace = preference->workspace;
  *count = 1;
  return SUCCESS;
}

int cublasLtMatmul(void* handle, Desc* desc, const void* alpha, const void* a, Layout* a_layout,
                   const void* b, Layout* b_layout, const void* beta, const void* c,
                   Layout* c_layout, void* d, Layout* d_layout, const uint64_t* algorithm, void*,
                   size_t, Stream* stream) {
  if (handle == nullptr) return 1;
  int status = check(*desc, *a_layout, *b_layout, *c_layout, *d_layout);
  if (status != SUCCESS) return status;
  if (algorithm != nullptr && algorithm[0] != 1) return invalid("an algorithm of another library");
  // Descriptions and factors may be gone when a graph is launched.
  auto operation = [=, desc = *desc, a_layout = *a_layout, b_layout = *b_layout,
                    c_layout = *c_layout, d_layout = *d_layout,
                    alpha = *static_cast<const float*>(alpha),
                    beta = *static_cast<const float*>(beta)] {
    for (int i = 0; i < d_layout.batch; i++) {
      multiply(desc, alpha, at(a, a_layout, i), a_layout, at(b, b_layout, i), b_layout, beta,
               at(c, c_layout, i), c_layout, const_cast<char*>(at(d, d_layout, i)), d_layout);
    }
    return int(SUCCESS);
  };
  return stream == nullptr ? operation() : stream->give(stream, operation);
}

}  // extern "C"
