package jllm.tokenize.corpus;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.commons.compress.archivers.ArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipArchiveOutputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorOutputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorOutputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorOutputStream;
import org.apache.commons.compress.compressors.zstandard.ZstdCompressorOutputStream;

/** Compressed files and archives for tests. */
public final class Samples {
  private Samples() {}

  public static byte[] compress(String kind, byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (OutputStream packed =
        switch (kind) {
          case "gz" -> new GzipCompressorOutputStream(out);
          case "zst" -> new ZstdCompressorOutputStream(out);
          case "xz" -> new XZCompressorOutputStream(out);
          case "bz2" -> new BZip2CompressorOutputStream(out);
          default -> throw new IllegalArgumentException(kind);
        }) {
      packed.write(bytes);
    }
    return out.toByteArray();
  }

  public static byte[] tar(List<String> names, List<byte[]> contents) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ArchiveOutputStream<TarArchiveEntry> tar = new TarArchiveOutputStream(out)) {
      for (int i = 0; i < names.size(); i++) {
        TarArchiveEntry entry = new TarArchiveEntry(names.get(i));
        entry.setSize(contents.get(i).length);
        tar.putArchiveEntry(entry);
        tar.write(contents.get(i));
        tar.closeArchiveEntry();
      }
    }
    return out.toByteArray();
  }

  public static byte[] zip(List<String> names, List<byte[]> contents) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ArchiveOutputStream<ZipArchiveEntry> zip = new ZipArchiveOutputStream(out)) {
      for (int i = 0; i < names.size(); i++) {
        ZipArchiveEntry entry = new ZipArchiveEntry(names.get(i));
        entry.setSize(contents.get(i).length);
        zip.putArchiveEntry(entry);
        zip.write(contents.get(i));
        zip.closeArchiveEntry();
      }
    }
    return out.toByteArray();
  }

  /** Sets the flag of an encrypted member in both of its headers. */
  static void encryptFlag(byte[] zip, String name) {
    byte[] wanted = name.getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i + 46 < zip.length; i++) {
      boolean local = begins(zip, i, 'P', 'K', 3, 4) && begins(zip, i + 30, wanted);
      boolean central = begins(zip, i, 'P', 'K', 1, 2) && begins(zip, i + 46, wanted);
      if (local || central) {
        zip[i + (local ? 6 : 8)] |= 1;
      }
    }
  }

  /** Overwrites the beginning of the compressed data of a member. */
  static void damageData(byte[] zip, String name) {
    byte[] wanted = name.getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i + 30 < zip.length; i++) {
      if (begins(zip, i, 'P', 'K', 3, 4) && begins(zip, i + 30, wanted)) {
        int extra = zip[i + 28] & 0xff | (zip[i + 29] & 0xff) << 8;
        int data = i + 30 + wanted.length + extra;
        for (int k = 0; k < 8; k++) {
          zip[data + k] = (byte) 0xff;
        }
        return;
      }
    }
    throw new IllegalArgumentException(name);
  }

  private static boolean begins(byte[] bytes, int at, int... wanted) {
    for (int i = 0; i < wanted.length; i++) {
      if (at + i >= bytes.length || bytes[at + i] != (byte) wanted[i]) {
        return false;
      }
    }
    return true;
  }

  private static boolean begins(byte[] bytes, int at, byte[] wanted) {
    for (int i = 0; i < wanted.length; i++) {
      if (at + i >= bytes.length || bytes[at + i] != wanted[i]) {
        return false;
      }
    }
    return true;
  }
}
