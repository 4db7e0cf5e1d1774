package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.generate.Sampler;
import jllm.generate.SamplingSettings;
import jllm.model.Batch;
import jllm.model.KvCache;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import jllm.tensor.cpu.VectorBackend;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Decoding leaves nothing to the garbage collector: no pause, however long a text. */
class AllocationTest {
  private static final int CONTEXT = 200;
  private static final int BLOCK = 100;
  private static final int MOST_BLOCKS = 400;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @ParameterizedTest
  @CsvSource({
    "llama-Q8_0, 2",
    "llama-Q4_0, 1",
    "llama-Q4_K_M, 1",
    "llama-BF16, 1",
    "gpt2-f32, 1",
    "mixtral-f32, 1"
  })
  void aStepAllocatesNothingOnceCompiled(String name, int threads) throws IOException {
    SamplingSettings settings = new SamplingSettings(0.8, 40, 0.95, 0.05, 1.1, 64, 1);
    try (Backend backend = new VectorBackend(2);
        ModelFile file = ModelFiles.open(Fixtures.model(name + ".gguf"));
        Transformer model = Transformer.of(file.weights(), backend);
        KvCache cache = model.newCache(CONTEXT);
        Batch batch = Batch.continuing(cache, 1);
        Exec exec = new Exec(backend)) {
      Sampler sampler = Sampler.of(settings, model.config().vocabularySize());
      long[] ids = computingThreads();
      int[] token = {1};
      long allocated = Long.MAX_VALUE;
      for (int block = 0; block < MOST_BLOCKS && allocated > 0; block++) {
        long before = allocatedBytes(ids);
        for (int step = 0; step < BLOCK; step++) {
          if (cache.length() == CONTEXT) {
            cache.truncate(0);
          }
          exec.reset();
          Tensor hidden = model.hidden(exec, batch.fill(token, 0, 1, 1));
          cache.advance(1);
          token[0] = sampler.sample(model.logits(exec, hidden).segment());
          sampler.accept(token[0]);
        }
        allocated = allocatedBytes(ids) - before;
      }
      assertEquals(0, allocated, name + ": bytes in the last " + BLOCK + " steps");
    }
  }

  /** This thread and the workers. */
  private static long[] computingThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread ->
            thread == Thread.currentThread() || thread.getName().startsWith("jllm-worker"))
        .mapToLong(Thread::threadId)
        .toArray();
  }

  /** Bytes that the threads have allocated so far; asking allocates nothing. */
  private static long allocatedBytes(long[] ids) {
    long sum = 0;
    for (long id : ids) {
      sum += THREADS.getThreadAllocatedBytes(id);
    }
    return sum;
  }
}
