package io.github.micronautratelimit.simulator;

import io.github.micronautratelimit.simulator.convert.Conversion;
import io.github.micronautratelimit.simulator.convert.Source;
import io.github.micronautratelimit.simulator.log.LogOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** Converts the limits of other products to an {@code application.yml}. */
@Command(
        name = "convert",
        mixinStandardHelpOptions = true,
        usageHelpWidth = 100,
        resourceBundle = "io.github.micronautratelimit.simulator.convert-help")
final class ConvertCommand implements Callable<Integer> {

    @Parameters(index = "0", paramLabel = "FILE", descriptionKey = "file")
    private Path file = LogOptions.STANDARD_INPUT;

    @Option(names = "--from", paramLabel = "PRODUCT", descriptionKey = "from")
    private @Nullable String from;

    @Option(names = "--out", paramLabel = "YAML", descriptionKey = "out")
    private @Nullable Path out;

    @ParentCommand
    private @Nullable ReplayCommand parent;

    @Spec
    private @Nullable CommandSpec spec;

    @Override
    public Integer call() {
        if (spec == null || parent == null) {
            throw new IllegalStateException("The command does not run by way of a command line.");
        }
        String text = text(parent.input());
        Conversion conversion = (from == null ? Source.detect(text) : Source.parse(from)).convert(text);
        boolean isStandardInput = file.equals(LogOptions.STANDARD_INPUT);
        String yaml = conversion.toYaml(isStandardInput ? "standard input" : String.valueOf(file.getFileName()));
        PrintWriter err = spec.commandLine().getErr();
        conversion.remarks().forEach(remark -> err.println("Note: " + remark));
        write(yaml, spec.commandLine().getOut());
        return 0;
    }

    private String text(InputStream input) {
        try {
            return file.equals(LogOptions.STANDARD_INPUT)
                    ? new String(input.readAllBytes(), StandardCharsets.UTF_8)
                    : Files.readString(file);
        } catch (IOException e) {
            throw new InvalidInputException("The file " + file
                    + " cannot be read as UTF-8 text; pass the configuration of" + " one of " + Source.names() + ".");
        }
    }

    private void write(String yaml, PrintWriter standardOutput) {
        if (out == null) {
            standardOutput.print(yaml);
            standardOutput.flush();
            return;
        }
        try {
            Files.writeString(out, yaml);
        } catch (IOException e) {
            throw new InvalidInputException("The file " + out + " cannot be written (" + e.getMessage()
                    + "); pass a path in a folder that is writable.");
        }
    }
}
