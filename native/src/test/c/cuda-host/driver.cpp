// libcuda for the host: device memory is host memory with canaries around it, every call is done
// when it returns.
//
// JLLM_FAKE_CUDA_MEMORY   bytes of each device (default 4 GiB)
// JLLM_FAKE_CUDA_DEVICES  how many there are (default 1)
// JLLM_FAKE_CUDA_SEED     blocks and threads take turns in a random order that this number gives; the
//                         results must be those of the usual order
//
// A stream that captures writes down launches, copies on the device, and copies from and to
// page-locked memory, which read that memory when the graph is launched. What waits, allocates or
// frees fails and spoils the capture, as do copies of other memory of the host: the driver may take
// those, but what they read later is not what was meant.
#include <dlfcn.h>
#include <elf.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

enum {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  INVALID_CONTEXT = 201,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  ILLEGAL_ADDRESS = 700,
  LAUNCH_FAILED = 719,
  CAPTURE_UNSUPPORTED = 900,
  CAPTURE_INVALIDATED = 901,
  CAPTURE_UNMATCHED = 903,
  CAPTURE_WRONG_THREAD = 908
};

struct Error {
  int code;
  const char* name;
  const char* text;
};
const Error ERRORS[] = {
    {SUCCESS, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {CAPTURE_INVALIDATED, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {CAPTURE_UNMATCHED, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED",
     "the capture was not initiated in this stream"},
    {CAPTURE_WRONG_THREAD, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD",
     "attempt to terminate a thread-local capture sequence from another thread"},
};

constexpr size_t GUARD = 256;
constexpr unsigned char CANARY = 0xC3;
constexpr unsigned char FRESH = 0xff;  // not a number: what was never written is seen

std::recursive_mutex lock;
std::map<uintptr_t, size_t> allocations;
size_t used = 0;
bool initialized = false;
int failure = SUCCESS;  // as on a device, an error of a kernel stays until the process ends
thread_local void* context = nullptr;
char contexts[64];

size_t total() {
  const char* limit = getenv("JLLM_FAKE_CUDA_MEMORY");
  return limit != nullptr ? strtoull(limit, nullptr, 10) : size_t(4) << 30;
}

// JLLM_FAKE_CUDA_CAPABILITY, 10 times the compute capability (default 80).
int capability() {
  const char* set = getenv("JLLM_FAKE_CUDA_CAPABILITY");
  return set != nullptr ? atoi(set) : 80;
}

int devices() {
  const char* count = getenv("JLLM_FAKE_CUDA_DEVICES");
  return count != nullptr ? atoi(count) : 1;
}

int fail(const char* what) {
  fprintf(stderr, "fake CUDA: %s\n", what);
  return failure = LAUNCH_FAILED;
}

// Whether bytes at an address are inside one allocation.
bool inside(uintptr_t address, size_t bytes) {
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin()) return bytes == 0;
  --next;
  return address + bytes <= next->first + next->second;
}

bool guarded(uintptr_t address, size_t bytes) {
  auto* p = reinterpret_cast<unsigned char*>(address);
  for (size_t i = 0; i < GUARD; i++) {
    if (p[bytes + i] != CANARY || p[-1 - (ptrdiff_t)i] != CANARY) return false;
  }
  return true;
}

// Kernels that wrote beside their memory.
int check() {
  for (auto& [address, bytes] : allocations) {
    if (!guarded(address, bytes)) {
      fprintf(stderr, "fake CUDA: a write beside an allocation of %zu bytes\n", bytes);
      return failure = ILLEGAL_ADDRESS;
    }
  }
  return failure;
}

struct Module {
  void* library;
};
struct Function {
  const char* (*launch)(void (*)(void**), void**, const unsigned*, const unsigned*, unsigned);
  void (*entry)(void**);
  const unsigned* sizes;  // how many arguments, and the bytes of each
  std::string name;
  int shared_limit = 48 * 1024;
};
typedef std::vector<std::function<int()>> Graph;
struct Stream;
int give_any(Stream* stream, const std::function<int()>& operation);
struct Stream {
  // First, where libcublasLt finds it.
  int (*give)(Stream*, const std::function<int()>&) = give_any;
  bool capturing = false, spoiled = false;
  std::thread::id thread;
  Graph graph;
};
// The stream that this thread captures.
thread_local Stream* captured = nullptr;
std::map<uintptr_t, size_t> page_locked;

bool is_page_locked(const void* memory, size_t bytes) {
  auto address = reinterpret_cast<uintptr_t>(memory);
  auto next = page_locked.upper_bound(address);
  if (next == page_locked.begin()) return false;
  --next;
  return address + bytes <= next->first + next->second;
}

int spoil(Stream* stream) {
  if (stream->spoiled) return CAPTURE_INVALIDATED;
  stream->spoiled = true;
  return CAPTURE_UNSUPPORTED;
}

// Does an operation of a stream, or writes it down.
template <class Operation>
int give(Stream* stream, Operation operation) {
  if (stream == nullptr || !stream->capturing) return operation();
  if (stream->spoiled) return CAPTURE_INVALIDATED;
  stream->graph.push_back(operation);
  return SUCCESS;
}
int give_any(Stream* stream, const std::function<int()>& operation) {
  return give(stream, operation);
}
struct Event {
  std::chrono::steady_clock::time_point at;
};
constexpr int SHARED_LIMIT = 227 * 1024;

}  // namespace

#define GUARDED                                      \
  std::lock_guard<std::recursive_mutex> guard(lock); \
  if (!initialized) return NOT_INITIALIZED;          \
  if (context == nullptr) return INVALID_CONTEXT;    \
  if (failure != SUCCESS) return failure;

// Of functions that wait for the device, or may do so.
#define NOT_CAPTURED \
  if (captured != nullptr) return spoil(captured);

extern "C" {

int cuInit(unsigned flags) {
  if (flags != 0) return INVALID_VALUE;
  if (devices() == 0) return NO_DEVICE;
  initialized = true;
  return SUCCESS;
}

int cuDriverGetVersion(int* version) {
  *version = 13010;
  return SUCCESS;
}

int cuDeviceGetCount(int* count) {
  if (!initialized) return NOT_INITIALIZED;
  *count = devices();
  return SUCCESS;
}

int cuDeviceGet(int* device, int ordinal) {
  if (!initialized) return NOT_INITIALIZED;
  if (ordinal < 0 || ordinal >= devices()) return INVALID_DEVICE;
  *device = ordinal;
  return SUCCESS;
}

int cuDeviceGetName(char* name, int length, int device) {
  if (device < 0 || device >= devices()) return INVALID_DEVICE;
  snprintf(name, length, "Fake CUDA device on the host");
  return SUCCESS;
}

int cuDeviceTotalMem_v2(size_t* bytes, int device) {
  if (device < 0 || device >= devices()) return INVALID_DEVICE;
  *bytes = total();
  return SUCCESS;
}

int cuDeviceGetAttribute(int* value, int attribute, int device) {
  if (device < 0 || device >= devices()) return INVALID_DEVICE;
  switch (attribute) {
    case 1:
      *value = 1024;
      break;  // threads a block
    case 8:
      *value = 48 * 1024;
      break;  // shared memory a block
    case 10:
      *value = 32;
      break;  // warp
    case 13:
      *value = 1000000;
      break;  // clock, kHz
    case 16:
      *value = 4;
      break;  // multiprocessors
    case 36:
      *value = 1000000;
      break;  // memory clock, kHz
    case 37:
      *value = 512;
      break;  // bits of the memory bus
    case 38:
      *value = 4 << 20;
      break;  // L2
    case 39:
      *value = 2048;
      break;  // threads a multiprocessor
    case 75:
      *value = capability() / 10;
      break;
    case 76:
      *value = capability() % 10;
      break;
    case 81:
      *value = 228 * 1024;
      break;  // shared memory a multiprocessor
    case 97:
      *value = SHARED_LIMIT;
      break;  // shared memory a block on request
    default:
      *value = 0;
  }
  return SUCCESS;
}

int cuDevicePrimaryCtxRetain(void** result, int device) {
  if (!initialized) return NOT_INITIALIZED;
  if (device < 0 || device >= devices()) return INVALID_DEVICE;
  *result = &contexts[device];
  return SUCCESS;
}

int cuDevicePrimaryCtxRelease_v2(int device) {
  return device < 0 || device >= devices() ? INVALID_DEVICE : SUCCESS;
}

int cuCtxSetCurrent(void* value) {
  context = value;
  return SUCCESS;
}

int cuCtxGetCurrent(void** value) {
  *value = context;
  return SUCCESS;
}

int cuCtxSynchronize() {
  GUARDED
  NOT_CAPTURED
  return check();
}

int cuMemGetInfo_v2(size_t* free_bytes, size_t* total_bytes) {
  GUARDED
  *total_bytes = total();
  *free_bytes = total() > used ? total() - used : 0;
  return SUCCESS;
}

int cuMemAlloc_v2(uintptr_t* address, size_t bytes) {
  GUARDED
  NOT_CAPTURED
  if (bytes == 0) return INVALID_VALUE;
  if (used + bytes > total()) return OUT_OF_MEMORY;
  char* memory = static_cast<char*>(aligned_alloc(256, (bytes + 2 * GUARD + 255) / 256 * 256));
  if (memory == nullptr) return OUT_OF_MEMORY;
  memset(memory, CANARY, GUARD);
  memset(memory + GUARD, FRESH, bytes);
  memset(memory + GUARD + bytes, CANARY, GUARD);
  *address = reinterpret_cast<uintptr_t>(memory + GUARD);
  allocations[*address] = bytes;
  used += bytes;
  return SUCCESS;
}

int cuMemFree_v2(uintptr_t address) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  if (address == 0) return SUCCESS;
  NOT_CAPTURED
  auto found = allocations.find(address);
  if (found == allocations.end()) return INVALID_VALUE;
  int status = guarded(address, found->second) ? SUCCESS : check();
  used -= found->second;
  allocations.erase(found);
  free(reinterpret_cast<char*>(address) - GUARD);
  return status;
}

int cuMemAllocHost_v2(void** address, size_t bytes) {
  GUARDED
  NOT_CAPTURED
  *address = aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (*address == nullptr) return OUT_OF_MEMORY;
  page_locked[reinterpret_cast<uintptr_t>(*address)] = bytes;
  return SUCCESS;
}

int cuMemFreeHost(void* address) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  NOT_CAPTURED
  page_locked.erase(reinterpret_cast<uintptr_t>(address));
  free(address);
  return SUCCESS;
}

int cuMemHostRegister_v2(void* address, size_t bytes, unsigned) {
  GUARDED
  return address == nullptr || bytes == 0 ? INVALID_VALUE : SUCCESS;
}

int cuMemHostUnregister(void* address) { return address == nullptr ? INVALID_VALUE : SUCCESS; }

int cuMemcpyHtoDAsync_v2(uintptr_t target, const void* source, size_t bytes, Stream* stream) {
  GUARDED
  if (!inside(target, bytes)) return INVALID_VALUE;
  if (captured != nullptr && !is_page_locked(source, bytes)) return spoil(captured);
  return give(stream, [=] {
    memcpy(reinterpret_cast<void*>(target), source, bytes);
    return SUCCESS;
  });
}
int cuMemcpyHtoD_v2(uintptr_t target, const void* source, size_t bytes) {
  NOT_CAPTURED
  return cuMemcpyHtoDAsync_v2(target, source, bytes, nullptr);
}

int cuMemcpyDtoHAsync_v2(void* target, uintptr_t source, size_t bytes, Stream* stream) {
  GUARDED
  if (!inside(source, bytes)) return INVALID_VALUE;
  if (captured != nullptr && !is_page_locked(target, bytes)) return spoil(captured);
  return give(stream, [=] {
    memcpy(target, reinterpret_cast<void*>(source), bytes);
    return SUCCESS;
  });
}
int cuMemcpyDtoH_v2(void* target, uintptr_t source, size_t bytes) {
  NOT_CAPTURED
  return cuMemcpyDtoHAsync_v2(target, source, bytes, nullptr);
}

int cuMemcpyDtoDAsync_v2(uintptr_t target, uintptr_t source, size_t bytes, Stream* stream) {
  GUARDED
  if (!inside(source, bytes) || !inside(target, bytes)) return INVALID_VALUE;
  return give(stream, [=] {
    memmove(reinterpret_cast<void*>(target), reinterpret_cast<void*>(source), bytes);
    return SUCCESS;
  });
}
int cuMemcpyDtoD_v2(uintptr_t target, uintptr_t source, size_t bytes) {
  NOT_CAPTURED
  return cuMemcpyDtoDAsync_v2(target, source, bytes, nullptr);
}

int cuMemsetD8Async(uintptr_t target, unsigned char value, size_t count, Stream* stream) {
  GUARDED
  if (!inside(target, count)) return INVALID_VALUE;
  return give(stream, [=] {
    memset(reinterpret_cast<void*>(target), value, count);
    return SUCCESS;
  });
}

int cuMemsetD32Async(uintptr_t target, unsigned value, size_t count, Stream* stream) {
  GUARDED
  if (!inside(target, count * 4)) return INVALID_VALUE;
  return give(stream, [=] {
    for (size_t i = 0; i < count; i++) reinterpret_cast<unsigned*>(target)[i] = value;
    return SUCCESS;
  });
}

int cuStreamCreate(Stream** stream, unsigned) {
  GUARDED
  *stream = new Stream;
  return SUCCESS;
}

int cuStreamDestroy_v2(Stream* stream) {
  delete stream;
  return SUCCESS;
}

int cuStreamSynchronize(Stream*) {
  GUARDED
  NOT_CAPTURED
  return check();
}

int cuStreamBeginCapture_v2(Stream* stream, int mode) {
  GUARDED
  if (stream == nullptr) return CAPTURE_UNSUPPORTED;  // of the default stream
  if (stream->capturing || captured != nullptr || mode != 1) return INVALID_VALUE;
  stream->capturing = true;
  stream->spoiled = false;
  stream->thread = std::this_thread::get_id();
  stream->graph.clear();
  captured = stream;
  return SUCCESS;
}

int cuStreamEndCapture(Stream* stream, Graph** graph) {
  GUARDED
  *graph = nullptr;
  if (stream == nullptr || !stream->capturing) return CAPTURE_UNMATCHED;
  if (stream->thread != std::this_thread::get_id()) return CAPTURE_WRONG_THREAD;
  stream->capturing = false;
  captured = nullptr;
  if (stream->spoiled) return CAPTURE_INVALIDATED;
  *graph = new Graph(std::move(stream->graph));
  return SUCCESS;
}

int cuGraphInstantiateWithFlags(Graph** executable, Graph* graph, unsigned long long flags) {
  GUARDED
  if (graph == nullptr || flags != 0) return INVALID_VALUE;
  *executable = new Graph(*graph);
  return SUCCESS;
}

int cuGraphLaunch(Graph* executable, Stream* stream) {
  GUARDED
  NOT_CAPTURED
  if (executable == nullptr || stream == nullptr) return INVALID_HANDLE;
  for (auto& node : *executable) {
    int status = node();
    if (status != SUCCESS) return status;
  }
  return SUCCESS;
}

int cuGraphDestroy(Graph* graph) {
  delete graph;
  return SUCCESS;
}

int cuGraphExecDestroy(Graph* executable) {
  delete executable;
  return SUCCESS;
}

int cuStreamWaitEvent(Stream*, Event* event, unsigned) {
  return event == nullptr ? INVALID_HANDLE : SUCCESS;
}

int cuEventCreate(Event** event, unsigned) {
  GUARDED
  *event = new Event;
  return SUCCESS;
}

int cuEventDestroy_v2(Event* event) {
  delete event;
  return SUCCESS;
}

int cuEventRecord(Event* event, Stream*) {
  NOT_CAPTURED  // in a graph it would have no time
  if (event == nullptr) return INVALID_HANDLE;
  event->at = std::chrono::steady_clock::now();
  return SUCCESS;
}

int cuEventSynchronize(Event* event) {
  NOT_CAPTURED
  return event == nullptr ? INVALID_HANDLE : SUCCESS;
}

int cuEventQuery(Event* event) { return event == nullptr ? INVALID_HANDLE : SUCCESS; }

int cuEventElapsedTime(float* milliseconds, Event* from, Event* to) {
  if (from == nullptr || to == nullptr) return INVALID_HANDLE;
  *milliseconds = std::chrono::duration<float, std::milli>(to->at - from->at).count();
  return SUCCESS;
}
int cuEventElapsedTime_v2(float* milliseconds, Event* from, Event* to) {
  return cuEventElapsedTime(milliseconds, from, to);
}

// The image is the shared library that nvrtc.cpp made; its section table is the last thing in it.
int cuModuleLoadData(Module** module, const void* image) {
  GUARDED
  NOT_CAPTURED
  if (memcmp(image, ELFMAG, SELFMAG) != 0) return INVALID_IMAGE;
  auto* header = static_cast<const Elf64_Ehdr*>(image);
  size_t size = header->e_shoff + size_t(header->e_shnum) * header->e_shentsize;
  char path[] =
      "/tmp/cuda-module-XXXXXX";  // a new name each time: dlopen knows libraries by their names
  int file = mkstemp(path);
  bool written = file >= 0 && write(file, image, size) == ssize_t(size);
  close(file);
  void* library = written ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
  unlink(path);
  if (library == nullptr) {
    fprintf(stderr, "fake CUDA: %s\n", dlerror());
    return INVALID_IMAGE;
  }
  *module = new Module{library};
  return SUCCESS;
}

int cuModuleUnload(Module* module) {
  if (module == nullptr) return INVALID_HANDLE;
  dlclose(module->library);
  delete module;
  return SUCCESS;
}

int cuModuleGetFunction(Function** function, Module* module, const char* name) {
  GUARDED
  void* entry = dlsym(module->library, (std::string(name) + "__entry").c_str());
  if (entry == nullptr) return NOT_FOUND;
  *function = new Function;
  (*function)->name = name;
  (*function)->entry = reinterpret_cast<void (*)(void**)>(entry);
  auto sizes = dlsym(module->library, (std::string(name) + "__sizes").c_str());
  if (sizes == nullptr) return INVALID_IMAGE;
  (*function)->sizes = reinterpret_cast<const unsigned* (*)()>(sizes)();
  (*function)->launch =
      reinterpret_cast<decltype(Function::launch)>(dlsym(module->library, "emulator_launch"));
  return SUCCESS;
}

int cuFuncSetAttribute(Function* function, int attribute, int value) {
  GUARDED
  if (function == nullptr) return INVALID_HANDLE;
  if (attribute != 8) return SUCCESS;
  if (value > SHARED_LIMIT) return INVALID_VALUE;
  function->shared_limit = value;
  return SUCCESS;
}

int cuLaunchKernel(Function* function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                   Stream* stream, void** arguments, void**) {
  GUARDED
  if (function == nullptr) return INVALID_HANDLE;
  if (grid_x == 0 || grid_y == 0 || grid_z == 0 || grid_y > 65535 || grid_z > 65535 ||
      grid_x > 0x7fffffffu || block_x * block_y * block_z == 0 ||
      block_x * block_y * block_z > 1024 || int(shared_bytes) > function->shared_limit)
    return INVALID_VALUE;
  auto run = [=](void** values) {
    unsigned grid[] = {grid_x, grid_y, grid_z};
    unsigned block[] = {block_x, block_y, block_z};
    const char* problem = function->launch(function->entry, values, grid, block, shared_bytes);
    return problem == nullptr ? SUCCESS : fail((function->name + ": " + problem).c_str());
  };
  if (stream == nullptr || !stream->capturing) return run(arguments);
  // The arguments are those of now.
  std::vector<std::vector<char>> kept;
  for (unsigned i = 0; i < function->sizes[0]; i++) {
    auto* from = static_cast<const char*>(arguments[i]);
    kept.emplace_back(from, from + function->sizes[i + 1]);
  }
  return give(stream, [=]() mutable {
    std::vector<void*> values;
    for (auto& value : kept) values.push_back(value.data());
    return run(values.data());
  });
}

int cuGetErrorName(int code, const char** name) {
  for (const Error& error : ERRORS) {
    if (error.code == code) {
      *name = error.name;
      return SUCCESS;
    }
  }
  *name = nullptr;
  return INVALID_VALUE;
}

int cuGetErrorString(int code, const char** text) {
  for (const Error& error : ERRORS) {
    if (error.code == code) {
      *text = error.text;
      return SUCCESS;
    }
  }
  *text = nullptr;
  return INVALID_VALUE;
}

}  // extern "C"
