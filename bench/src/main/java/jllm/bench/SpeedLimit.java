package jllm.bench;

import jllm.format.ModelFile;
import jllm.model.KvCache;
import jllm.tensor.DType;
import jllm.tensor.cpu.MachineLimits;

/**
 * How fast a machine can run a model at most, in tokens per second: decoding reads all weights and
 * the keys and values of the positions before, a prompt is bound by arithmetic.
 *
 * @param decode of the first tokens
 * @param decodeAtContext of the last one of the context
 * @param prefill of a prompt
 */
public record SpeedLimit(double decode, double decodeAtContext, double prefill) {

  /**
   * The limits of a model.
   *
   * @param context positions of the session
   * @param prompt tokens of the prompt
   */
  public static SpeedLimit of(ModelFile model, MachineLimits machine, int context, int prompt) {
    ModelWork work = ModelWork.of(model);
    double cache = KvCache.bytes(model.config(), context, DType.F32);
    return new SpeedLimit(
        machine.readBytesPerSecond() / work.bytesPerToken(),
        machine.readBytesPerSecond() / (work.bytesPerToken() + cache),
        prompt * machine.flops() / work.flops(new Workload.Prefill(prompt)));
  }
}
