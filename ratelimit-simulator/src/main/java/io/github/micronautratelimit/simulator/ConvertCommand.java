package io.github.micronautratelimit.simulator;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Converts the limits of other products. */
@Command(name = "convert", mixinStandardHelpOptions = true)
final class ConvertCommand implements Callable<Integer> {

    @Override
    public Integer call() {
        return 0;
    }
}
