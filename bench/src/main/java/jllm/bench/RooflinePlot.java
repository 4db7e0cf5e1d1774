package jllm.bench;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.tensor.cpu.MachineLimits;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Products of square matrices over their size, both axes logarithmic, under the roofs of the
 * devices (Williams et al. 2009): memory bounds small ones, arithmetic large ones.
 */
public final class RooflinePlot {
  private static final int WIDTH = 1100;
  private static final int HEIGHT = 700;

  /** Two operations for each term, and three matrices of floats to move: n / 6 for each byte. */
  private static final double BYTES_OF_SIDE = 6;

  private final XYChart chart;

  /**
   * @param limits float32, measured, by device
   */
  public RooflinePlot(List<ProductMeasurement> measurements, Map<String, MachineLimits> limits) {
    chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title("Product of two n x n matrices")
            .xAxisTitle("n")
            .yAxisTitle("GFLOP/s")
            .build();
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setXAxisLogarithmic(true);
    chart.getStyler().setYAxisLogarithmic(true);
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideSE);
    Map<String, List<ProductMeasurement>> series = new LinkedHashMap<>();
    for (ProductMeasurement measurement : measurements) {
      series
          .computeIfAbsent(
              measurement.device() + " " + measurement.precision(),
              _ -> new java.util.ArrayList<>())
          .add(measurement);
    }
    series.forEach((name, points) ->
        chart
            .addSeries(
                name,
                points.stream().mapToDouble(ProductMeasurement::side).toArray(),
                points.stream().mapToDouble(point -> point.flops() / 1e9).toArray())
            .setMarker(SeriesMarkers.CIRCLE));
    double[] sides =
        measurements.stream().mapToDouble(ProductMeasurement::side).distinct().sorted().toArray();
    limits.forEach((device, limit) -> roof(device, limit, sides));
  }

  private void roof(String device, MachineLimits limit, double[] sides) {
    double[] roof = new double[sides.length];
    for (int i = 0; i < sides.length; i++) {
      double byMemory = limit.readBytesPerSecond() * sides[i] / BYTES_OF_SIDE;
      roof[i] = Math.min(byMemory, limit.flops()) / 1e9;
    }
    XYSeries series = chart.addSeries(device + ": measured memory and f32 limits", sides, roof);
    series.setMarker(SeriesMarkers.NONE);
    series.setLineStyle(
        new BasicStroke(1.5f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, new float[] {6}, 0));
  }

  /** Writes the picture as PNG. */
  public void png(OutputStream out) throws IOException {
    BufferedImage image = BitmapEncoder.getBufferedImage(chart);
    javax.imageio.ImageIO.write(image, "png", out);
  }

  /** Writes the picture as SVG. */
  public void svg(OutputStream out) throws IOException {
    VectorGraphicsEncoder.saveVectorGraphic(
        chart, out, VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
  }
}
