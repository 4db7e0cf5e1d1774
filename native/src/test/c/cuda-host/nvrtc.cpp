// libnvrtc for the host: compiles a module with g++ into a shared library, which stands for the
// cubin.
//
// JLLM_FAKE_CUDA_FLAGS   more options of g++, such as -fsanitize=alignment
//                        -fsanitize-undefined-trap-on-error; kernels that were compiled before stay
//                        in the cache as they are
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

enum {
  SUCCESS = 0,
  INVALID_INPUT = 3,
  INVALID_PROGRAM = 4,
  INVALID_OPTION = 5,
  COMPILATION = 6,
  INTERNAL = 11
};

struct Program {
  std::string source, log, image;
};

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// The folder of this library, where emulator.h lies beside it.
std::string home() {
  Dl_info info;
  dladdr(reinterpret_cast<void*>(home), &info);
  std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/'));
}

int run(const std::string& command, const std::string& log_file, std::string& log) {
  int status = system((command + " >" + log_file + " 2>&1").c_str());
  log = read(log_file);
  return status;
}

// The kernels of a preprocessed source, in which __global__ is still to be seen.
std::set<std::string> kernels(const std::string& source) {
  std::set<std::string> names;
  std::regex pattern("extern\\s+\"C\"\\s+__kernel__\\s+void\\s+([A-Za-z_0-9]+)\\s*\\(");
  for (std::sregex_iterator i(source.begin(), source.end(), pattern), end; i != end; ++i)
    names.insert((*i)[1]);
  return names;
}

// The end of a parenthesis or string that begins at a place.
size_t end_of(const std::string& text, size_t at) {
  if (text[at] == '"') {
    for (at++; text[at] != '"'; at++) at += text[at] == '\\';
    return at + 1;
  }
  for (at++; text[at] != ')';) at = text[at] == '"' || text[at] == '(' ? end_of(text, at) : at + 1;
  return at + 1;
}

// The parts of an asm statement between its colons; operands are constraint, expression, ...
std::vector<std::vector<std::string>> parts_of(const std::string& text, size_t at, size_t end) {
  std::vector<std::vector<std::string>> parts(1);
  while (at < end) {
    if (text[at] == '"' || text[at] == '(') {
      size_t next = end_of(text, at);
      parts.back().push_back(text.substr(at, next - at));
      at = next;
    } else if (text[at++] == ':') {
      parts.emplace_back();
    }
  }
  return parts;
}

// Inline assembly becomes a use of emulator::Ptx, see ptx.h.
std::string without_assembly(const std::string& source) {
  static const std::regex statement("\\basm(\\s+volatile)?\\s*\\(");
  std::string result;
  size_t done = 0;
  for (std::sregex_iterator i(source.begin(), source.end(), statement), none; i != none; ++i) {
    size_t at = i->position(), open = at + i->length() - 1, end = end_of(source, open);
    std::vector<std::vector<std::string>> parts = parts_of(source, open + 1, end - 1);
    std::string code, values, results;
    for (const std::string& literal : parts[0]) code += literal;
    int count = 0;
    for (size_t part = 1; part < std::min<size_t>(parts.size(), 3); part++) {
      for (size_t o = 0; o + 1 < parts[part].size(); o += 2, count++) {
        const std::string &constraint = parts[part][o], &operand = parts[part][o + 1];
        values += constraint[1] == '=' ? "0, " : "emulator::bits" + operand + ", ";
        if (part == 1)
          results += "emulator::put(" + operand + ", ptx_values[" + std::to_string(count) + "]); ";
      }
    }
    result += source.substr(done, at - done) + "{ static const emulator::Ptx ptx(" + code +
              "); uint64_t ptx_values[] = {" + values + "0}; ptx.run(ptx_values); " + results + "}";
    done = end;
  }
  return result + source.substr(done);
}

int compile(Program& program, const std::vector<std::string>& options, const std::string& folder) {
  std::string defines;
  bool architecture = false;
  for (const std::string& option : options) {
    if (option.rfind("-D", 0) == 0) {
      defines += " '" + option + "'";
    } else if (option.rfind("--gpu-architecture=sm_", 0) == 0 ||
               option.rfind("--gpu-architecture=compute_", 0) == 0) {
      architecture = true;
    } else if (option.rfind("--std=c++17", 0) != 0 && option.rfind("-std=c++17", 0) != 0 &&
               option.rfind("--ptxas-options", 0) != 0) {
      program.log = "unrecognized option " + option + " found";
      return INVALID_OPTION;
    }
  }
  if (!architecture) {
    program.log = "code needs --gpu-architecture=sm_XX or compute_XX";
    return INVALID_OPTION;
  }
  if (program.source.find("#include") != std::string::npos) {
    program.log = "kernels include no headers";
    return COMPILATION;
  }
  std::string log_file = folder + "/log", plain = folder + "/plain.cpp",
              full = folder + "/module.cpp";
  write(plain, program.source);
  std::string preprocessed = folder + "/plain.i";
  if (run("g++ -E -P -D__global__=__kernel__ '-D__launch_bounds__(...)='" + defines + " -o " +
              preprocessed + " " + plain,
          log_file, program.log))
    return COMPILATION;
  std::string text = "#include \"" + home() + "/emulator.h\"\n#line 1 \"module.cu\"\n" +
                     without_assembly(program.source) + "\n";
  for (const std::string& name : kernels(read(preprocessed)))
    text += "extern \"C\" void " + name + "__entry(void** a) { emulator_call(" + name +
            ", a); }\nextern \"C\" const unsigned* " + name + "__sizes() { return emulator_sizes(" + name +
            "); }\n";
  write(full, text);
  std::string library = folder + "/module.so";
  const char* more = getenv("JLLM_FAKE_CUDA_FLAGS");
  // Each module has its own fibers: static variables of inline functions must not be shared.
  std::string flags =
      " -fno-gnu-unique -O2 -march=native -std=c++17 -fPIC -shared -w -fno-strict-aliasing "
      "-fno-math-errno " +
      std::string(more != nullptr ? more : "");
  if (run("g++" + flags + defines + " -o " + library + " " + full, log_file, program.log))
    return COMPILATION;
  program.image = read(library);
  return SUCCESS;
}

}  // namespace

extern "C" {

int nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  return SUCCESS;
}

int nvrtcCreateProgram(Program** program, const char* source, const char* name, int headers,
                       const char* const*, const char* const*) {
  if (source == nullptr || headers != 0) return INVALID_INPUT;
  *program = new Program{source, "", ""};
  return SUCCESS;
}

int nvrtcDestroyProgram(Program** program) {
  if (program == nullptr || *program == nullptr) return INVALID_PROGRAM;
  delete *program;
  *program = nullptr;
  return SUCCESS;
}

int nvrtcCompileProgram(Program* program, int count, const char* const* options) {
  if (program == nullptr) return INVALID_PROGRAM;
  char folder[] = "/tmp/cuda-host-XXXXXX";
  if (mkdtemp(folder) == nullptr) return INTERNAL;
  int status = compile(*program, std::vector<std::string>(options, options + count), folder);
  for (const char* file : {"/log", "/plain.cpp", "/plain.i", "/module.cpp", "/module.so"})
    unlink((std::string(folder) + file).c_str());
  rmdir(folder);
  return status;
}

int nvrtcGetCUBINSize(Program* program, size_t* size) {
  if (program == nullptr) return INVALID_PROGRAM;
  *size = program->image.size();
  return SUCCESS;
}

int nvrtcGetCUBIN(Program* program, char* image) {
  if (program == nullptr) return INVALID_PROGRAM;
  memcpy(image, program->image.data(), program->image.size());
  return SUCCESS;
}

// The virtual code of this compiler is its real code.
int nvrtcGetPTXSize(Program* program, size_t* size) { return nvrtcGetCUBINSize(program, size); }

int nvrtcGetPTX(Program* program, char* image) { return nvrtcGetCUBIN(program, image); }

int nvrtcGetNumSupportedArchs(int* count) {
  *count = 2;
  return SUCCESS;
}

int nvrtcGetSupportedArchs(int* architectures) {
  architectures[0] = 80;
  architectures[1] = 90;
  return SUCCESS;
}

int nvrtcGetProgramLogSize(Program* program, size_t* size) {
  if (program == nullptr) return INVALID_PROGRAM;
  *size = program->log.size() + 1;
  return SUCCESS;
}

int nvrtcGetProgramLog(Program* program, char* log) {
  if (program == nullptr) return INVALID_PROGRAM;
  memcpy(log, program->log.c_str(), program->log.size() + 1);
  return SUCCESS;
}

const char* nvrtcGetErrorString(int status) {
  switch (status) {
    case SUCCESS:
      return "NVRTC_SUCCESS";
    case INVALID_INPUT:
      return "NVRTC_ERROR_INVALID_INPUT";
    case INVALID_PROGRAM:
      return "NVRTC_ERROR_INVALID_PROGRAM";
    case INVALID_OPTION:
      return "NVRTC_ERROR_INVALID_OPTION";
    case COMPILATION:
      return "NVRTC_ERROR_COMPILATION";
    default:
      return "NVRTC_ERROR_INTERNAL_ERROR";
  }
}

}  // extern "C"
