package io.github.micronautratelimit.simulator;

import io.github.micronautratelimit.simulator.convert.InvalidSourceException;
import io.github.micronautratelimit.simulator.log.InvalidLogException;
import io.github.micronautratelimit.simulator.policy.InvalidPolicyException;
import java.io.Console;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;

/**
 * The command line. Returns 0 if all is well, 1 if a threshold is exceeded, and 2 if an option, a log or a policy
 * cannot be used.
 */
public final class Simulator {

    /** The exit code if more is denied than a threshold allows. */
    static final int EXCEEDED = 1;

    /** The exit code if the input cannot be used. */
    static final int INVALID = 2;

    private Simulator() {}

    /**
     * Runs the command line and ends the process.
     *
     * @param arguments the arguments; {@code --help} explains them
     */
    public static void main(String[] arguments) {
        ReplayCommand replay = new ReplayCommand(System.in, isTerminal());
        Runtime.getRuntime().addShutdownHook(new Thread(replay::interrupt, "partial-report"));
        System.exit(commandLine(replay).execute(arguments));
    }

    /** Since Java 22 there is a console without a terminal too. */
    @SuppressWarnings("SystemConsoleNull")
    private static boolean isTerminal() {
        Console console = System.console();
        if (console == null) {
            return false;
        }
        try {
            return Boolean.TRUE.equals(Console.class.getMethod("isTerminal").invoke(console));
        } catch (ReflectiveOperationException e) {
            return true;
        }
    }

    /** Returns the command line of a replay. */
    static CommandLine commandLine(ReplayCommand replay) {
        CommandLine line = new CommandLine(replay);
        line.setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8));
        line.setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8));
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler(Simulator::explain);
        line.setParameterExceptionHandler((e, arguments) -> {
            CommandLine failed = e.getCommandLine();
            failed.getErr().println(failed.getColorScheme().errorText(sentence(String.valueOf(e.getMessage()))));
            failed.getErr().println("Run with --help for all options.");
            return INVALID;
        });
        return line;
    }

    private static int explain(Exception failure, CommandLine line, CommandLine.ParseResult parsed) throws Exception {
        if (failure instanceof InvalidLogException
                || failure instanceof InvalidPolicyException
                || failure instanceof InvalidSourceException
                || failure instanceof InvalidInputException) {
            line.getErr().println(line.getColorScheme().errorText(String.valueOf(failure.getMessage())));
            return INVALID;
        }
        throw failure;
    }

    private static String sentence(String message) {
        return message.endsWith(".") ? message : message + ".";
    }
}
