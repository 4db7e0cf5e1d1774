package jllm.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The answer to {@code --version}: program and JDK. */
final class VersionProvider implements IVersionProvider {

  @Override
  public String[] getVersion() throws IOException {
    return new String[] {
      "jllm " + version(),
      "JDK " + Runtime.version() + " (" + System.getProperty("java.vendor") + ")"
    };
  }

  static String version() throws IOException {
    Properties properties = new Properties();
    try (InputStream in = VersionProvider.class.getResourceAsStream("version.properties")) {
      if (in == null) {
        throw new IOException("version.properties is missing from the program's jar");
      }
      properties.load(in);
    }
    return properties.getProperty("version");
  }
}
