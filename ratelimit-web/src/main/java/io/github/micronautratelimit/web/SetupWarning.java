package io.github.micronautratelimit.web;

/** What can be wrong with a set-up although it works. Each has a page in the documentation, named by its code. */
public enum SetupWarning {

    /** Forwarding headers arrive, but nobody who may write them is named. */
    FORWARDED_IGNORED("RL001", "Requests carry X-Forwarded-For or Forwarded, but no proxy is trusted, so the address of the "
            + "connection counts. If that is your proxy's, all clients share its permits: name it under "
            + "ratelimit.trusted-proxies."),

    /** Two forwarding headers tell different stories. */
    HEADERS_DISAGREE("RL002", "A trusted proxy passed on both X-Forwarded-For and Forwarded, and they disagree, so the "
            + "proxy's own address counts: name the header it writes in ratelimit.forwarded-header."),

    /** A trusted proxy does not say whom it stands for. */
    PROXY_NAMES_NOBODY("RL003", "A trusted proxy passed on a request without saying whose, so its own address counts: let "
            + "it write X-Forwarded-For or Forwarded, or name the header it writes in ratelimit.forwarded-header."),

    /** Anybody may write any address. */
    EVERYBODY_IS_A_PROXY("RL004", "The trusted proxies include every address, so any client may write the address it is "
            + "counted by: name only the addresses of your proxies under ratelimit.trusted-proxies."),

    /** A client may choose a new key for each request. */
    CLIENT_CHOOSES_KEY("RL005", "All that limits {} is counted by what the client writes, {}, so a client that writes "
            + "something else each time is never limited: add a limit by {ip} or {principal}."),

    /** A limit is written where none applies. */
    EXCLUDED("RL006", "{} carries @RateLimit but is among the paths of ratelimit.exclude, so it is not limited: remove "
            + "one of the two.");

    private final String code;
    private final String text;

    SetupWarning(String code, String text) {
        this.code = code;
        this.text = text;
    }

    /**
     * The code that the documentation and {@code ratelimit.silence} name it by.
     *
     * @return {@code RL} and three digits
     */
    public String code() {
        return code;
    }

    String text() {
        return text;
    }
}
