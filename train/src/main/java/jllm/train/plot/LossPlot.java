package jllm.train.plot;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jllm.format.Json;
import org.jspecify.annotations.Nullable;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The losses of a run against its steps, as a picture. */
public final class LossPlot {
  private static final int WIDTH = 1000;
  private static final int HEIGHT = 600;

  /** More points than this are averaged in groups: they could not be told apart. */
  private static final int MOST_POINTS = 1500;

  private final List<double[]> training = new ArrayList<>();
  private final List<double[]> validation = new ArrayList<>();

  private LossPlot() {}

  /**
   * Draws {@code loss.png} from the {@code metrics.jsonl} of a run; nothing if there are no losses
   * yet.
   *
   * @param run folder of the run
   * @return the picture, absent if none was drawn
   * @throws IOException if the metrics cannot be read or the picture not be written
   */
  public static @Nullable Path draw(Path run) throws IOException {
    LossPlot plot = new LossPlot();
    plot.read(run.resolve("metrics.jsonl"));
    if (plot.training.isEmpty() && plot.validation.isEmpty()) {
      return null;
    }
    BufferedImage image = BitmapEncoder.getBufferedImage(plot.chart());
    Path target = run.resolve("loss.png");
    Path written = run.resolve(".loss.png.tmp");
    try (OutputStream out = Files.newOutputStream(written)) {
      javax.imageio.ImageIO.write(image, "png", out);
    }
    Files.move(
        written, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    return target;
  }

  private void read(Path metrics) throws IOException {
    for (String line : Files.readAllLines(metrics, StandardCharsets.UTF_8)) {
      if (line.isBlank()) {
        continue;
      }
      Map<String, @Nullable Object> object =
          Json.parse(metrics.toString(), line.getBytes(StandardCharsets.UTF_8));
      add(training, object.get("step"), object.get("loss"));
      add(validation, object.get("step"), object.get("val_loss"));
    }
  }

  /** Losses that are no finite number are no points. */
  private static void add(List<double[]> points, @Nullable Object step, @Nullable Object loss) {
    if (step instanceof Number x && loss instanceof Number y && Double.isFinite(y.doubleValue())) {
      points.add(new double[] {x.doubleValue(), y.doubleValue()});
    }
  }

  private XYChart chart() {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title("Loss")
            .xAxisTitle("step")
            .yAxisTitle("cross-entropy, nats per token")
            .build();
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE);
    series(chart, "training", thinned(training));
    series(chart, "validation", thinned(validation));
    return chart;
  }

  private static void series(XYChart chart, String name, List<double[]> points) {
    if (!points.isEmpty()) {
      chart
          .addSeries(
              name,
              points.stream().mapToDouble(point -> point[0]).toArray(),
              points.stream().mapToDouble(point -> point[1]).toArray())
          .setMarker(points.size() > 60 ? SeriesMarkers.NONE : SeriesMarkers.CIRCLE);
    }
  }

  private static List<double[]> thinned(List<double[]> points) {
    int group = Math.ceilDiv(points.size(), MOST_POINTS);
    if (group <= 1) {
      return points;
    }
    List<double[]> means = new ArrayList<>();
    for (int from = 0; from < points.size(); from += group) {
      List<double[]> part = points.subList(from, Math.min(points.size(), from + group));
      means.add(
          new double[] {
            part.stream().mapToDouble(point -> point[0]).average().orElseThrow(),
            part.stream().mapToDouble(point -> point[1]).average().orElseThrow()
          });
    }
    return means;
  }
}
