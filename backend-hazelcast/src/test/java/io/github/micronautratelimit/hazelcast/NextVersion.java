package io.github.micronautratelimit.hazelcast;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/**
 * Compiles the sources of this library as those of a next version, which has a version 2 of the protocol with another
 * form of states.
 */
final class NextVersion {

    /** The first byte of a state in the next form, instead of 1. */
    static final byte FORM = 41;

    private static final Path SOURCES = Path.of("src/main/java/io/github/micronautratelimit/hazelcast");

    private NextVersion() {}

    /** Returns a folder with the classes, for the front of a class path. */
    static Path compileTo(Path folder) {
        return compileTo(folder, NextVersion::changed);
    }

    /** Does the same for a version that does not know calendar quotas. */
    static Path compilePreviousTo(Path folder) {
        return compileTo(
                folder,
                (name, source) -> name.equals("RateLimitProtocol.java")
                        ? replace(source, "static final int VERSION = 2;", "static final int VERSION = 1;")
                        : source);
    }

    private static Path compileTo(Path folder, BinaryOperator<String> change) {
        try (Stream<Path> files = Files.list(SOURCES)) {
            Path sources = Files.createDirectories(folder.resolve("sources"));
            Path classes = Files.createDirectories(folder.resolve("classes"));
            List<String> arguments = new ArrayList<>(List.of(
                    "-proc:none", "-nowarn", "-d", classes.toString(), "-cp", System.getProperty("java.class.path")));
            for (Path file : files.toList()) {
                if (file.toString().endsWith(".java")) {
                    Path changed = sources.resolve(file.getFileName());
                    Files.writeString(changed, change.apply(file.getFileName().toString(), Files.readString(file)));
                    arguments.add(changed.toString());
                }
            }
            compile(arguments);
            return classes;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static String changed(String name, String source) {
        return switch (name) {
            case "RateLimitProtocol.java" -> replace(
                    replace(source, "static final int VERSION = 2;", "static final int VERSION = 3;"),
                    "return StateCodec.write(state);",
                    """
                    byte[] bytes = StateCodec.write(state);
                            bytes[0] = version > 2 ? (byte) FORM : bytes[0];
                            return bytes;
                        }

                        static LimitState readState(byte[] bytes) {
                            byte[] known = bytes.clone();
                            known[0] = bytes[0] == FORM ? 1 : bytes[0];
                            return StateCodec.readState(known);"""
                            .replace("FORM", Byte.toString(FORM)));
            case "PermitProcessor.java", "HazelcastMemberFallback.java" -> replace(
                    source, "StateCodec.readState(", "RateLimitProtocol.readState(");
            default -> source;
        };
    }

    private static String replace(String source, String target, String replacement) {
        if (!source.contains(target)) {
            throw new AssertionError("The sources no longer contain " + target);
        }
        return source.replace(target, replacement);
    }

    private static void compile(List<String> arguments) {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter errors = new StringWriter();
        List<String> options =
                arguments.stream().filter(each -> !each.endsWith(".java")).toList();
        List<File> files = arguments.stream()
                .filter(each -> each.endsWith(".java"))
                .map(File::new)
                .toList();
        boolean compiled = compiler.getTask(
                        errors,
                        null,
                        null,
                        options,
                        null,
                        compiler.getStandardFileManager(null, null, null).getJavaFileObjectsFromFiles(files))
                .call();
        if (!compiled) {
            throw new AssertionError(errors.toString());
        }
    }
}
