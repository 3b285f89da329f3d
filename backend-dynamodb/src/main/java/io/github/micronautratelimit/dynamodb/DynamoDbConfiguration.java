package io.github.micronautratelimit.dynamodb;

import java.time.Duration;

import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.context.exceptions.ConfigurationException;

/**
 * The settings of the DynamoDB backend. Region, endpoint and credentials are Micronaut's own, under {@code aws}.
 */
@ConfigurationProperties(DynamoDbConfiguration.PREFIX)
public class DynamoDbConfiguration {

    /** The prefix of these settings. */
    public static final String PREFIX = RateLimitConfiguration.PREFIX + ".dynamodb";

    private String table = "ratelimit";
    private boolean createTable;
    private Duration timeout = Duration.ofMillis(400);

    /**
     * The table that keeps the keys.
     *
     * @return a table name
     */
    public String getTable() {
        return table;
    }

    /**
     * The table that keeps the keys. To set it chooses DynamoDB where there is no other store. Default: {@code ratelimit}.
     *
     * @param table a table name
     */
    public void setTable(String table) {
        if (!table.matches("[A-Za-z0-9_.-]{3,255}")) {
            throw new ConfigurationException(PREFIX + ".table = \"" + table + "\": a table's name has 3 to 255 letters, "
                    + "digits, hyphens, underscores and dots; write one such as ratelimit.");
        }
        this.table = table;
    }

    /**
     * Whether a missing table is created when the application starts.
     *
     * @return {@code true} to create it
     */
    public boolean isCreateTable() {
        return createTable;
    }

    /**
     * Whether a missing table is created when the application starts, with its time to live switched on and paid per
     * request. Default: {@code false}, and a missing table stops the start.
     *
     * @param createTable {@code true} to create it
     */
    public void setCreateTable(boolean createTable) {
        this.createTable = createTable;
    }

    /**
     * How long one request to DynamoDB may take.
     *
     * @return a duration
     */
    public Duration getTimeout() {
        return timeout;
    }

    /**
     * How long one request to DynamoDB may take, a second try included, 1 ms or more. The deadline of a decision, which
     * may consist of several requests, is {@code ratelimit.deadline}. Default: {@code 400ms}.
     *
     * @param timeout 1 ms or more
     */
    public void setTimeout(Duration timeout) {
        if (timeout.compareTo(Duration.ofMillis(1)) < 0) {
            throw new ConfigurationException(PREFIX + ".timeout: a request may take 1ms or more, not " + timeout
                    + "; write a duration such as 400ms.");
        }
        this.timeout = timeout;
    }
}
