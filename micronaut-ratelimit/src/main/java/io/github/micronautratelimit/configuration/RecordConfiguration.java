package io.github.micronautratelimit.configuration;

import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.context.exceptions.ConfigurationException;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of the record of decisions, which the simulator replays under other limits. Read when the
 * application starts; later changes have no effect.
 */
@ConfigurationProperties(RecordConfiguration.PREFIX)
public class RecordConfiguration {

    /** The prefix of the properties. */
    public static final String PREFIX = RateLimitConfiguration.PREFIX + ".record";

    private @Nullable String path;
    private double sample = 1;
    private int maxMegabytes = 1_000;

    /** Creates the default configuration. */
    public RecordConfiguration() {}

    /**
     * Returns the file to which decisions are appended.
     *
     * @return a path; {@code null} to record none
     */
    public @Nullable String getPath() {
        return path;
    }

    /**
     * The file to which decisions are appended, one JSON object per line, with hashes of keys. If it exceeds the
     * maximum size, it is renamed to the same name with {@code .1}, in place of an earlier one. Default: no file.
     *
     * @param path a path in a folder that exists
     */
    public void setPath(String path) {
        this.path = path;
    }

    /**
     * Returns the share of keys whose decisions are recorded.
     *
     * @return more than 0, at most 1
     */
    public double getSample() {
        return sample;
    }

    /**
     * The share of keys whose decisions are recorded, all of them for each such key. A hash of the key chooses the
     * keys, so all instances record the same ones. More than 0, at most 1. Default: {@code 1.0}.
     *
     * @param sample more than 0, at most 1
     */
    public void setSample(double sample) {
        if (!(sample > 0) || sample > 1) {
            throw new ConfigurationException(PREFIX + ".sample = \"" + sample
                    + "\": the share of keys must be more than 0 and at most 1; write a number such as 0.1.");
        }
        this.sample = sample;
    }

    /**
     * Returns the maximum size of the file.
     *
     * @return megabytes, 1 or more
     */
    public int getMaxMegabytes() {
        return maxMegabytes;
    }

    /**
     * The maximum size of the file in megabytes, 1 or more. A line takes about 130 bytes. Together with the renamed
     * file, the record takes up to twice as much. Default: {@code 1000}.
     *
     * @param maxMegabytes 1 or more
     */
    public void setMaxMegabytes(int maxMegabytes) {
        if (maxMegabytes < 1) {
            throw new ConfigurationException(PREFIX + ".max-megabytes = \"" + maxMegabytes
                    + "\": the maximum size must be 1 or more; write a number of megabytes such as 1000.");
        }
        this.maxMegabytes = maxMegabytes;
    }
}
