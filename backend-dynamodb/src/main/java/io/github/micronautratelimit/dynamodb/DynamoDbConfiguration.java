package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.context.exceptions.ConfigurationException;
import java.time.Duration;

/**
 * The properties of the DynamoDB backend. Region, endpoint and credentials are Micronaut's own properties under
 * {@code aws}.
 */
@ConfigurationProperties(DynamoDbConfiguration.PREFIX)
public class DynamoDbConfiguration {

    /** The prefix of these properties. */
    public static final String PREFIX = RateLimitConfiguration.PREFIX + ".dynamodb";

    private String table = "ratelimit";
    private boolean createTable;
    private Duration timeout = Duration.ofMillis(400);
    private Duration startTimeout = DynamoDbBackend.START_TIMEOUT;

    /**
     * Returns the name of the table.
     *
     * @return a table name
     */
    public String getTable() {
        return table;
    }

    /**
     * The name of the table. If it is set and no other store is configured, DynamoDB is the backend. Default:
     * {@code ratelimit}.
     *
     * @param table a table name
     */
    public void setTable(String table) {
        if (!table.matches("[A-Za-z0-9_.-]{3,255}")) {
            throw new ConfigurationException(
                    PREFIX + ".table = \"" + table + "\": a table name has 3 to 255 letters, digits, hyphens, "
                            + "underscores or dots; write a name such as ratelimit.");
        }
        this.table = table;
    }

    /**
     * Returns whether a missing table is created at start-up.
     *
     * @return {@code true} to create it
     */
    public boolean isCreateTable() {
        return createTable;
    }

    /**
     * Creates a missing table at start-up, with time to live enabled and billed per request. Default: {@code false},
     * and start-up fails if the table is missing.
     *
     * @param createTable {@code true} to create it
     */
    public void setCreateTable(boolean createTable) {
        this.createTable = createTable;
    }

    /**
     * Returns the timeout of a request.
     *
     * @return a duration
     */
    public Duration getTimeout() {
        return timeout;
    }

    /**
     * The timeout of a request to DynamoDB, 1 ms or more. A decision may need several requests; its
     * deadline is {@code ratelimit.deadline}. Default: {@code 400ms}.
     *
     * @param timeout 1 ms or more
     */
    public void setTimeout(Duration timeout) {
        if (timeout.compareTo(Duration.ofMillis(1)) < 0) {
            throw new ConfigurationException(PREFIX + ".timeout = " + timeout
                    + ": the timeout is less than 1ms; write a duration such as 400ms.");
        }
        this.timeout = timeout;
    }

    /**
     * Returns how long the start waits for the table.
     *
     * @return a duration
     */
    public Duration getStartTimeout() {
        return startTimeout;
    }

    /**
     * The most time the start waits for the check of the table, and a restored snapshot for its first answer, 1 ms or
     * more. If the table does not answer in time, the application starts with a warning. The creation of a table may
     * take longer. Default: {@code 3s}.
     *
     * @param startTimeout 1 ms or more
     */
    public void setStartTimeout(Duration startTimeout) {
        if (startTimeout.compareTo(Duration.ofMillis(1)) < 0) {
            throw new ConfigurationException(PREFIX + ".start-timeout = " + startTimeout
                    + ": the start waits less than 1ms for the table; write a duration such as 3s.");
        }
        this.startTimeout = startTimeout;
    }
}
