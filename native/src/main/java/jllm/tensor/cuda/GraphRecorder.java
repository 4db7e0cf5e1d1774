package jllm.tensor.cuda;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Map;
import jllm.ffi.cuda.CudaException;
import jllm.ffi.cuda.CudaGraphs;
import jllm.tensor.Recording;
import org.jspecify.annotations.Nullable;

/**
 * Writes steps down as CUDA graphs. What changes from step to step (token, position, the row of the
 * cache) is read by the kernels from memory and copied there before each replay: a few bytes in one
 * copy. The alternative, to capture each step anew and update the graph, would run all of the
 * model's code on the host again, whose time is what a graph saves.
 */
final class GraphRecorder {
  /** The variable that turns graphs off. */
  static final String SWITCH = "JLLM_CUDA_GRAPHS";

  private static final Logger LOG = System.getLogger(GraphRecorder.class.getName());

  private final Gpu gpu;
  private final @Nullable CudaGraphs graphs;
  private boolean recording;

  GraphRecorder(Gpu gpu, Map<String, String> environment) {
    this.gpu = gpu;
    this.graphs = "off".equals(environment.get(SWITCH)) ? null : gpu.driver().graphs();
  }

  /** Whether steps can be written down at all. */
  boolean isAble() {
    return graphs != null;
  }

  /**
   * @throws NotRecordableException if a step is being written down, with the reason why what the
   *     caller is about to do cannot be part of it
   */
  void refuse(String what) {
    if (recording) {
      throw new NotRecordableException(what);
    }
  }

  /**
   * See {@link jllm.tensor.Backend#record}.
   *
   * @return null if the step cannot be written down; then nothing was done
   */
  @Nullable Recording record(Runnable step) {
    if (graphs == null) {
      return null;
    }
    gpu.pool().beginRecording();
    List<Long> memory = List.of();
    long executable = 0;
    try {
      executable = capture(graphs, step);
    } catch (CudaException | NotRecordableException e) {
      LOG.log(Level.DEBUG, "a step is not recorded: {0}", e.getMessage());
    } finally {
      memory = gpu.pool().endRecording();
      if (executable == 0) {
        memory.forEach(gpu::give);
      }
    }
    return executable == 0 ? null : new Graph(graphs, executable, memory);
  }

  private long capture(CudaGraphs driver, Runnable step) {
    driver.begin(gpu.stream());
    recording = true;
    boolean complete = false;
    try {
      step.run();
      complete = true;
    } finally {
      recording = false;
      if (!complete) {
        abandon(driver);
      }
    }
    long graph = driver.end(gpu.stream());
    try {
      return driver.instantiate(graph);
    } finally {
      driver.destroy(graph);
    }
  }

  /** Ends a capture that failed: until then the stream takes nothing else. */
  private void abandon(CudaGraphs driver) {
    try {
      driver.destroy(driver.end(gpu.stream()));
    } catch (CudaException e) {
      // What made the step fail made the capture fail, too.
    }
  }

  /** What a step does that cannot be written down. */
  static final class NotRecordableException extends RuntimeException {
    private static final long serialVersionUID = 1;

    NotRecordableException(String what) {
      super(what);
    }
  }

  /** A graph, and the memory of its operations, which nobody else may use meanwhile. */
  private final class Graph implements Recording {
    private final CudaGraphs driver;
    private final long executable;
    private final List<Long> memory;
    private boolean closed;

    Graph(CudaGraphs driver, long executable, List<Long> memory) {
      this.driver = driver;
      this.executable = executable;
      this.memory = memory;
    }

    @Override
    public void replay() {
      gpu.driver();
      gpu.starts("graph");
      driver.launch(executable, gpu.stream());
    }

    @Override
    public void close() {
      if (!closed && !gpu.isClosed()) {
        gpu.driver();
        driver.destroyExecutable(executable);
        memory.forEach(gpu::give);
      }
      closed = true;
    }
  }
}
