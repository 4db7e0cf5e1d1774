package jllm.train.data;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import jllm.train.sample.EncodedSample;

/** Which samples are learned together. */
final class Packing {
  private Packing() {}

  /** Each sample by itself. */
  static List<int[]> single(List<EncodedSample> samples) {
    return IntStream.range(0, samples.size()).mapToObj(i -> new int[] {i}).toList();
  }

  /**
   * Samples put together to {@code length} tokens at most, the longest first, each where it leaves
   * the least room (best fit decreasing; Johnson 1973).
   */
  static List<int[]> packed(List<EncodedSample> samples, int length) {
    List<Integer> order = new ArrayList<>();
    IntStream.range(0, samples.size()).forEach(order::add);
    order.sort(Comparator.comparingInt(i -> -samples.get(i).length()));
    List<List<Integer>> packs = new ArrayList<>();
    TreeMap<Integer, List<Integer>> byRoom = new TreeMap<>();
    for (int index : order) {
      int size = samples.get(index).length();
      Map.Entry<Integer, List<Integer>> fit = byRoom.ceilingEntry(size);
      int pack;
      int room;
      if (fit == null) {
        pack = packs.size();
        packs.add(new ArrayList<>());
        room = length;
      } else {
        pack = fit.getValue().removeLast();
        room = fit.getKey();
        if (fit.getValue().isEmpty()) {
          byRoom.remove(room);
        }
      }
      packs.get(pack).add(index);
      byRoom.computeIfAbsent(room - size, _ -> new ArrayList<>()).add(pack);
    }
    return packs.stream().map(pack -> pack.stream().mapToInt(Integer::intValue).toArray()).toList();
  }
}
