package jllm.cli;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import jllm.format.ModelFile;
import jllm.model.CacheTypes;
import jllm.model.DeviceDemand;
import jllm.tensor.Backend;
import jllm.tensor.OffloadingBackend;
import jllm.tensor.cuda.CudaBackend;
import org.jspecify.annotations.Nullable;

/**
 * What a command that runs models computes with: the CPU or a GPU, or both where the GPU has no
 * room for a whole model.
 */
final class Devices implements Placement, AutoCloseable {
  private static final Logger LOG = System.getLogger(Devices.class.getName());

  private final ComputeOptions compute;
  private final OffloadOptions offload;
  private final Backend main;
  private @Nullable Backend host;

  /**
   * Opens the device that the options name.
   *
   * @throws jllm.tensor.cuda.DeviceUnavailableException if it cannot be used
   */
  Devices(ComputeOptions compute, OffloadOptions offload) {
    this.compute = compute;
    this.offload = offload;
    this.main = compute.backend();
    if (!offload.isAuto() && offload.count() > 0 && !(main instanceof CudaBackend)) {
      main.close();
      throw new UsageException(
          OffloadOptions.NAME + " is for GPUs, and the CPU computes here; leave it out");
    }
  }

  @Override
  public Backend main() {
    return main;
  }

  @Override
  public Backend of(List<ModelFile> models, int context, int sequences, CacheTypes types) {
    if (!(main instanceof CudaBackend gpu)) {
      return main;
    }
    DeviceDemand demand =
        DeviceDemand.sum(
            models.stream()
                .map(model -> DeviceDemand.of(model, context, sequences, types, gpu.promptRows()))
                .toList());
    long free = gpu.freeMemory();
    int fitting = demand.fitting(free);
    int count = offload.isAuto() ? fitting : Math.min(offload.count(), demand.blocks() + 1);
    if (count > fitting || (count == 0 && offload.isAuto() && compute.mustUseGpu())) {
      throw new ResourceException(refusal(demand, offload.isAuto() ? 1 : count, free, fitting));
    }
    if (count > demand.blocks()) {
      return gpu;
    }
    if (offload.isAuto()) {
      LOG.log(
          Level.WARNING,
          "the GPU has {0} free: room for {1} of {2} blocks; the CPU computes the rest",
          Memory.show(free),
          String.valueOf(count),
          String.valueOf(demand.blocks()));
    }
    return count == 0 ? host() : new OffloadingBackend(host(), gpu, count);
  }

  private static String refusal(DeviceDemand demand, int count, long free, int fitting) {
    return "not enough memory on the GPU: %s of %d blocks and their cache take %s, %s are free; %s, lower --ctx-size, or use --device cpu"
        .formatted(
            count > demand.blocks() ? "all" : String.valueOf(count),
            demand.blocks(),
            Memory.show(demand.bytes(count)),
            Memory.show(free),
            fitting == 0
                ? "not even one block fits: use a smaller model"
                : "give " + OffloadOptions.NAME + " " + fitting + " or less");
  }

  /** The CPU beside a GPU. */
  private Backend host() {
    if (host == null) {
      host = compute.cpu();
    }
    return host;
  }

  @Override
  public void close() {
    main.close();
    if (host != null) {
      host.close();
    }
  }
}
