package jllm.cli;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Locale;
import jllm.ffi.cuda.CudaDriver;
import jllm.ffi.cuda.CudaException;
import jllm.ffi.kernels.MissingKernelsException;
import jllm.format.ModelFormatException;
import jllm.generate.PromptTooLongException;
import jllm.generate.UnknownTokenException;
import jllm.generate.chat.UnknownTurnException;
import jllm.generate.jinja.TemplateException;
import jllm.generate.jinja.TemplateSyntaxException;
import jllm.generate.perplexity.EvaluationException;
import jllm.quantize.RequantizationException;
import jllm.tensor.cuda.DeviceMemoryException;
import jllm.tensor.cuda.DeviceUnavailableException;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.corpus.CorpusException;
import jllm.tokenize.shard.ShardFormatException;
import jllm.tokenize.train.WordLimitException;
import jllm.train.CheckpointException;
import jllm.train.DataException;
import jllm.train.DivergedException;
import jllm.train.SettingsException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Turns what went wrong into one message for people and an exit code. A stack trace is shown for
 * bugs of this program alone.
 */
final class ErrorReporter implements IExecutionExceptionHandler, IParameterExceptionHandler {
  private final Streams streams;

  ErrorReporter(Streams streams) {
    this.streams = streams;
  }

  @Override
  public int handleParseException(ParameterException error, String[] args) {
    CommandLine commandLine = error.getCommandLine();
    streams.tell(
        "jllm: "
            + (error instanceof UnmatchedArgumentException unmatched
                ? describe(unmatched)
                : error.getMessage()));
    UnmatchedArgumentException.printSuggestions(error, streams.err());
    streams.tell(
        "Try '" + commandLine.getCommandSpec().qualifiedName() + " --help' for all options.");
    return ExitCode.USAGE;
  }

  private static String describe(UnmatchedArgumentException error) {
    String first = error.getUnmatched().getFirst();
    if (first.startsWith("-") && first.length() > 1) {
      return "there is no option " + first;
    }
    return error.getCommandLine().getParent() == null
        ? "there is no command " + first
        : "unexpected argument '" + first + "'; put a text with spaces between quotes";
  }

  @Override
  public int handleExecutionException(
      Exception error, CommandLine commandLine, @Nullable ParseResult parsed) {
    if (error instanceof ParameterException usage) {
      return handleParseException(usage, new String[0]);
    }
    if (error instanceof UsageException usage) {
      return handleParseException(
          new ParameterException(commandLine, String.valueOf(usage.getMessage())), new String[0]);
    }
    return report(error);
  }

  /** Reports wrong usage outside of a command and returns the exit code. */
  int usage(UsageException error) {
    return say(ExitCode.USAGE, error.getMessage());
  }

  /** Reports an error of any kind and returns the exit code. */
  int report(Throwable error) {
    return switch (error) {
      case StandardOutput.Failure failure when failure.readerLeft() -> ExitCode.OK;
      case StandardOutput.Failure failure -> say(ExitCode.FILE, failure.getMessage());
      case PromptTooLongException prompt -> say(ExitCode.USAGE, prompt.getMessage());
      case UnknownTokenException token -> say(ExitCode.USAGE, token.getMessage());
      case EvaluationException evaluation -> say(ExitCode.USAGE, evaluation.getMessage());
      case RequantizationException again -> say(ExitCode.USAGE, again.getMessage());
      case InvalidTextException text -> say(ExitCode.FORMAT, text.getMessage());
      case ModelFormatException format -> say(ExitCode.FORMAT, format.getMessage());
      case TokenizerFormatException format -> say(ExitCode.FORMAT, format.getMessage());
      case TemplateException template -> say(ExitCode.FORMAT, describe(template));
      case UnknownTurnException turn -> say(ExitCode.FORMAT, turn.getMessage());
      case SettingsException settings -> say(ExitCode.USAGE, settings.getMessage());
      case DataException data -> say(ExitCode.FORMAT, data.getMessage());
      case CheckpointException checkpoint -> say(ExitCode.FORMAT, checkpoint.getMessage());
      case CheckFailedException check -> say(ExitCode.CHECK_FAILED, check.getMessage());
      case DivergedException diverged -> say(ExitCode.CHECK_FAILED, diverged.getMessage());
      case ShardFormatException shard -> say(ExitCode.FORMAT, shard.getMessage());
      case CorpusException corpus -> say(ExitCode.FORMAT, corpus.getMessage());
      case UncheckedIOException unchecked -> say(ExitCode.FILE, describe(unchecked));
      case IOException file -> say(ExitCode.FILE, describe(file));
      case WordLimitException limit -> say(ExitCode.RESOURCES, limit.getMessage());
      case ResourceException resources -> say(ExitCode.RESOURCES, resources.getMessage());
      case MissingKernelsException kernels ->
          say(
              ExitCode.RESOURCES,
              "no native CPU kernels: "
                  + kernels.getMessage()
                  + "; leave --cpu-kernels native out to do without");
      case DeviceUnavailableException device -> say(ExitCode.RESOURCES, device.getMessage());
      case DeviceMemoryException memory ->
          say(
              ExitCode.RESOURCES,
              "not enough memory on the GPU: "
                  + memory.getMessage()
                  + "; lower --ctx-size, --batch-size or --gpu-layers, use a smaller or more"
                  + " strongly quantized model, or --device cpu");
      case CudaException cuda when cuda.code() == CudaDriver.OUT_OF_MEMORY ->
          say(
              ExitCode.RESOURCES,
              "not enough memory on the GPU: "
                  + cuda.getMessage()
                  + "; lower --ctx-size, --batch-size or --gpu-layers, or use --device cpu");
      case OutOfMemoryError memory -> say(ExitCode.RESOURCES, describe(memory));
      case InternalError fault when isLostPage(fault) ->
          say(
              ExitCode.FILE,
              "a file that was being read has become shorter or unreadable meanwhile; leave it"
                  + " unchanged while it is in use");
      default -> {
        streams.tell("jllm: this is a bug, please report it with the following lines:");
        error.printStackTrace(streams.err());
        yield ExitCode.BUG;
      }
    };
  }

  private int say(int code, @Nullable String message) {
    streams.tell("jllm: " + message);
    Log.error(String.valueOf(message));
    return code;
  }

  private static String describe(TemplateException error) {
    if (error.isRaisedByTemplate()) {
      return "the chat template refuses this conversation: " + error.getMessage();
    }
    return "chat template, line %d: %s%s"
        .formatted(
            error.line(),
            error instanceof TemplateSyntaxException ? "syntax error: " : "",
            error.getMessage());
  }

  private static String describe(UncheckedIOException error) {
    return error.getCause() instanceof IOException cause ? describe(cause) : error.toString();
  }

  /** The JDK's own messages are often a file name alone. */
  static String describe(IOException error) {
    return switch (error) {
      case NoSuchFileException missing when missing.getReason() == null ->
          missing.getFile() + ": there is no such file";
      case AccessDeniedException denied when denied.getReason() == null ->
          denied.getFile() + ": no permission; see the permissions of the file and its folder";
      case FileSystemException file ->
          file.getReason() == null
              ? file.getMessage() + ": " + file.getClass().getSimpleName()
              : String.valueOf(file.getMessage());
      case FileNotFoundException file -> String.valueOf(file.getMessage());
      default -> error.getMessage() == null ? error.getClass().getSimpleName() : error.getMessage();
    };
  }

  private static String describe(OutOfMemoryError error) {
    String found = String.valueOf(error.getMessage()).toLowerCase(Locale.ROOT);
    if (found.contains("heap")) {
      return "not enough memory: the Java heap of "
          + (Runtime.getRuntime().maxMemory() >> 20)
          + " MB is full; give it more with JLLM_JAVA_OPTS=-Xmx8g";
    }
    return "not enough memory ("
        + error.getMessage()
        + "); lower --ctx-size, or use a smaller or more strongly quantized model";
  }

  private static boolean isLostPage(InternalError error) {
    return String.valueOf(error.getMessage()).contains("unsafe memory access");
  }
}
