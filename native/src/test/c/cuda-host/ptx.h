// Instructions of PTX that kernels write as inline assembly, done by the fibers of emulator.h;
// nvrtc.cpp turns each asm statement into a use of Ptx. What an instruction does, and which thread
// of a warp holds which element of a matrix, is as NVIDIA's "PTX ISA" says in the chapters
// "Warp-level matrix instructions" and "Data movement and conversion": nothing here knows our
// kernels.
//
// JLLM_FAKE_CUDA_WRONG  mma: the products of tensor cores are wrong, to test who notices
#pragma once

namespace emulator {

inline uint8_t* shared_memory(uint64_t address) {
  return emulator_shared + static_cast<int32_t>(static_cast<uint32_t>(address));
}

template <class T>
uint64_t bits(const T& value) {
  static_assert(sizeof(T) <= 8, "operands have at most 8 bytes");
  uint64_t result = 0;
  memcpy(&result, &value, sizeof(T));
  return result;
}

template <class T>
void put(T& to, uint64_t value) {
  memcpy(&to, &value, sizeof(T));
}

static float as_float(uint32_t word) {
  float value;
  memcpy(&value, &word, 4);
  return value;
}

static float bf16(uint32_t half) { return as_float(half << 16); }

// To nearest, ties to even.
static uint32_t to_bf16(uint32_t word) {
  if ((word & 0x7fffffff) > 0x7f800000) return 0x7fff;
  return (word + 0x7fff + (word >> 16 & 1)) >> 16 & 0xffff;
}

// What each lane of a warp gives to an instruction that all of them do together.
struct Given {
  const void* instruction;
  uint64_t values[10];
};
static Given given[MAX_THREADS / 32][2][32];

static const Given* gather(const void* instruction, const uint64_t* values, int count) {
  unsigned warp = current / 32;
  Barrier& barrier = warp_barriers[warp];
  if (barrier.expected != 32) fail("an instruction of whole warps in a part of one");
  Given* slots = given[warp][barrier.round & 1];
  slots[lane()].instruction = instruction;
  memcpy(slots[lane()].values, values, count * sizeof(uint64_t));
  wait(barrier);
  if (slots[0].instruction != slots[lane()].instruction)
    fail("the threads of a warp are at different instructions of whole warps");
  return slots;
}

// Asynchronous copies. They may be done at once or as late as the thread waits for them: a kernel
// must be right with both. With JLLM_FAKE_CUDA_SEED chance decides, else they are late.
struct Copy {
  uint8_t* to;
  const void* from;  // absent = zeros

  void run() const {
    if (from == nullptr) {
      memset(to, 0, 16);
    } else {
      memcpy(to, from, 16);
    }
  }
};
struct Copies {
  std::vector<Copy> open;
  std::vector<std::vector<Copy>> groups;
};

static Copies& copies() {
  static Copies all[MAX_THREADS];
  return all[current];
}

static void forget_copies() {
  copies().open.clear();
  copies().groups.clear();
}

static void finish(Copies& mine, size_t but) {
  while (mine.groups.size() > but) {
    for (const Copy& copy : mine.groups.front()) copy.run();
    mine.groups.erase(mine.groups.begin());
  }
}

// One instruction, parsed once for each place in the source.
class Ptx {
 public:
  explicit Ptx(const char* text) {
    const char* at = text;
    at += strspn(at, " \t\n");
    size_t length = strcspn(at, " \t\n;");
    name = std::string(at, length);
    for (at += length; *at != 0 && *at != ';'; at++) {
      char* end = const_cast<char*>(at) + 1;
      if (*at == '%') {
        operands.push_back({true, static_cast<int>(strtol(at + 1, &end, 10))});
        at = end - 1;
      } else if (*at >= '0' && *at <= '9') {
        operands.push_back({false, static_cast<int>(strtol(at, &end, 10))});
        at = end - 1;
      } else if (strchr("{}[], \t\n", *at) == nullptr) {
        operands.clear();
        name += " with an operand that the emulator does not know";
        break;
      }
    }
    run_ = find();
  }

  // values: of the statement's operands %0, %1, ..; results take their places.
  void run(uint64_t* values) const { (this->*run_)(values); }

 private:
  struct Operand {
    bool variable;  // %number, or else a number
    int number;
  };
  std::string name;
  std::vector<Operand> operands;
  void (Ptx::*run_)(uint64_t*) const;

  void (Ptx::* find() const)(uint64_t*) const {
    struct Entry {
      const char* name;
      size_t operands;
      void (Ptx::*run)(uint64_t*) const;
    };
    static const Entry entries[] = {
        {"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", 14, &Ptx::mma},
        {"ldmatrix.sync.aligned.m8n8.x4.shared.b16", 5, &Ptx::load_matrices},
        {"ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16", 5, &Ptx::load_transposed},
        {"cp.async.cg.shared.global", 4, &Ptx::copy},
        {"cp.async.commit_group", 0, &Ptx::commit},
        {"cp.async.wait_group", 1, &Ptx::wait_group},
        {"cvt.rn.bf16x2.f32", 3, &Ptx::pack},
        {"ex2.approx.ftz.f32", 2, &Ptx::exp2},
    };
    for (const Entry& entry : entries) {
      if (name == entry.name && operands.size() == entry.operands) return entry.run;
    }
    return &Ptx::unknown;
  }

  uint64_t value(const uint64_t* values, int operand) const {
    const Operand& o = operands[operand];
    return o.variable ? values[o.number] : static_cast<uint64_t>(o.number);
  }
  uint64_t& result(uint64_t* values, int operand) const { return values[operands[operand].number]; }

  void unknown(uint64_t*) const {
    static std::string message;
    message = "PTX that the emulator does not know: " + name;
    fail(message.c_str());
  }

  // D [16, 8] = A [16, 16] B [16, 8] + C, operands d0..3, a0..3, b0..1, c0..3. Of lane l, with
  // group l / 4 and place l % 4:
  //   element i of A (two in a register): row group, + 8 for i = 2, 3, 6, 7; column 2 place + i %
  //   2,
  //   + 8 for i >= 4
  //   element i of B: row 2 place + i % 2, + 8 for i >= 2; column group
  //   element i of C and D: row group, + 8 for i >= 2; column 2 place + i % 2
  void mma(uint64_t* values) const {
    static const char* wrong = getenv("JLLM_FAKE_CUDA_WRONG");
    static const int flipped = wrong != nullptr && strcmp(wrong, "mma") == 0 ? 1 : 0;
    uint64_t own[6];
    for (int i = 0; i < 6; i++) own[i] = value(values, 4 + i);
    const Given* all = gather(this, own, 6);
    unsigned group = lane() / 4, place = lane() % 4;
    for (int i = 0; i < 4; i++) {
      unsigned row = group + (i >= 2 ? 8 : 0), column = (2 * place + i % 2) ^ flipped;
      double sum = as_float(value(values, 10 + i));
      for (unsigned k = 0; k < 16; k++) {
        unsigned of_a = row % 8 * 4 + k % 8 / 2, of_b = column * 4 + k % 8 / 2;
        uint64_t a = all[of_a].values[(k >= 8 ? 2 : 0) + (row >= 8 ? 1 : 0)];
        uint64_t b = all[of_b].values[4 + (k >= 8 ? 1 : 0)];
        sum += double(bf16(a >> 16 * (k % 2) & 0xffff)) * bf16(b >> 16 * (k % 2) & 0xffff);
      }
      result(values, i) = bits(static_cast<float>(sum));
    }
  }

  // Four matrices of 8 x 8: lane l says where row l % 8 of matrix l / 8 is.
  const Given* rows(uint64_t* values) const {
    uint8_t* row = shared_memory(value(values, 4));
    if (reinterpret_cast<uintptr_t>(row) % 16 != 0)
      fail("ldmatrix: a row that is not aligned to 16 bytes");
    uint64_t halves[2];
    memcpy(halves, row, 16);
    return gather(this, halves, 2);
  }

  static uint64_t element(const Given& row, unsigned column) {
    return row.values[column / 4] >> 16 * (column % 4) & 0xffff;
  }

  // Lane l gets elements 2 (l % 4) and the next of row l / 4, of matrix i in register i.
  void load_matrices(uint64_t* values) const {
    const Given* all = rows(values);
    unsigned row = lane() / 4, column = lane() % 4 * 2;
    for (unsigned i = 0; i < 4; i++) {
      const Given& own = all[i * 8 + row];
      result(values, i) = element(own, column) | element(own, column + 1) << 16;
    }
  }

  // The same of the transposed matrices.
  void load_transposed(uint64_t* values) const {
    const Given* all = rows(values);
    unsigned row = lane() % 4 * 2, column = lane() / 4;
    for (unsigned i = 0; i < 4; i++) {
      result(values, i) = element(all[i * 8 + row], column) | element(all[i * 8 + row + 1], column)
                                                                  << 16;
    }
  }

  void copy(uint64_t* values) const {
    Copy one = {shared_memory(value(values, 0)), reinterpret_cast<const void*>(value(values, 1))};
    if (value(values, 2) != 16) fail("cp.async.cg: copies of other than 16 bytes");
    uint64_t there = value(values, 3);  // the rest becomes zeros
    if (there != 0 && there != 16) fail("cp.async.cg: a part of 16 bytes");
    if (there == 0) one.from = nullptr;
    if ((reinterpret_cast<uintptr_t>(one.to) | reinterpret_cast<uintptr_t>(one.from)) % 16 != 0)
      fail("cp.async: an address that is not aligned to 16 bytes");
    if (order().shuffled && order().below(2) == 0) {
      one.run();
    } else {
      copies().open.push_back(one);
    }
  }

  void commit(uint64_t*) const {
    copies().groups.push_back(std::move(copies().open));
    copies().open.clear();
  }

  void wait_group(uint64_t* values) const { finish(copies(), value(values, 0)); }

  // The first source becomes the upper half.
  void pack(uint64_t* values) const {
    result(values, 0) = to_bf16(value(values, 1)) << 16 | to_bf16(value(values, 2));
  }

  void exp2(uint64_t* values) const { result(values, 0) = bits(exp2f(as_float(value(values, 1)))); }
};

}  // namespace emulator

static inline size_t __cvta_generic_to_shared(const void* address) {
  return static_cast<uint32_t>(static_cast<const uint8_t*>(address) - emulator_shared);
}
