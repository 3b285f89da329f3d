package io.github.micronautratelimit.web;

/** Misconfigurations that do not prevent the start. The documentation explains each of them under its code. */
public enum ConfigurationWarning {

    /** Forwarding headers arrive, but no proxy is trusted. */
    FORWARDED_IGNORED(
            "RL001",
            "Requests have the header X-Forwarded-For or Forwarded, but no proxy is trusted, so the address of the "
                    + "connection counts. If it is the address of your proxy, all clients share its permits. Add the "
                    + "proxy to ratelimit.trusted-proxies."),

    /** The two forwarding headers of a request disagree. */
    HEADERS_DISAGREE(
            "RL002",
            "A trusted proxy forwarded X-Forwarded-For and Forwarded, and they disagree, so the address of the proxy "
                    + "counts. Set ratelimit.forwarded-header to the header that the proxy writes."),

    /** A trusted proxy does not send the address of the client. */
    CLIENT_ADDRESS_MISSING(
            "RL003",
            "A trusted proxy forwarded a request without the address of the client, so the address of the proxy "
                    + "counts. Configure the proxy to write X-Forwarded-For or Forwarded, or set "
                    + "ratelimit.forwarded-header to the header that it writes."),

    /** Any client may write any address. */
    ALL_ADDRESSES_TRUSTED(
            "RL004",
            "The trusted proxies include every address, so any client can choose the address that counts. Remove all "
                    + "addresses but those of your proxies from ratelimit.trusted-proxies."),

    /** A client may choose a new key for each request. */
    CLIENT_CHOOSES_KEY(
            "RL005",
            "All keys of the limits on {} are chosen by the client: {}. A client that sends a new value each time is "
                    + "never limited. Add a limit by {ip} or {principal}."),

    /** A limited route is excluded. */
    EXCLUDED(
            "RL006",
            "{} has @RateLimit, but ratelimit.exclude contains its path, so it is not limited. Remove one of the two."),

    /** A limited method that would have to wait for the store was called on an event loop. */
    CALLED_ON_EVENT_LOOP(
            "RL010",
            "{} was called on an event loop, which must not wait for the rate limit store, so the on-error of its policy "
                    + "decided. Call it on another thread, for example with @ExecuteOn(TaskExecutors.BLOCKING) on the "
                    + "route, or return a CompletionStage or Publisher from it."),

    /** No limit uses a configured policy. */
    POLICY_UNUSED(
            "RL020",
            "The policy \"{}\" limits nothing, because no @RateLimit and no rule names it. Name it in one, or remove it "
                    + "from ratelimit.policies."),

    /** All paths of a rule are excluded. */
    RULE_EXCLUDED(
            "RL021",
            "{} limits nothing, because ratelimit.exclude contains all its paths with \"{}\". Remove one of the two."),

    /** Two rules charge the same counter for the same request. */
    RULE_REPEATED(
            "RL022",
            "Requests of {} are charged twice, because {} has the same policy and key and contains its paths. Give one "
                    + "of them another policy, or remove it."),

    /** Some costs are never granted. */
    COST_ABOVE_LIMIT(
            "RL023",
            "A request on {} may cost {} permits, but the policy \"{}\" grants at most {} at once, so such a request is "
                    + "always denied. Lower the upper bound of the cost, or raise the limit."),

    /** The application has no limits. */
    NO_LIMITS(
            "RL024",
            "No limit is in force: there are no @RateLimit annotations on beans and no ratelimit.rules or ratelimit.clients. Check "
                    + "that the classes with @RateLimit are beans and are compiled with micronaut-inject-java."),

    /** A rule limits no route. */
    RULE_WITHOUT_ROUTE(
            "RL025",
            "{} matches the path of no route, so it limits only requests without a route. Compare its path with the "
                    + "routes, without the context path."),

    /** A key is the same for all requests. */
    KEY_WITHOUT_PLACEHOLDER(
            "RL026",
            "The key of {} is the text \"{}\", so all requests share one counter. Write {global} if that is meant, "
                    + "otherwise a placeholder such as {ip}."),

    /** The connection of a client has no address. */
    ADDRESS_MISSING(
            "RL030",
            "Requests arrive over connections without an IP address, such as UNIX sockets, so all their clients share "
                    + "the permits of one key. Add 127.0.0.1, which stands for the peer of a UNIX socket, to "
                    + "ratelimit.trusted-proxies, so that the forwarding header of the proxy counts."),

    /** Fewer proxies are trusted than requests pass. */
    PROXY_NOT_TRUSTED(
            "RL031",
            "The forwarding header has further hops before the address that counts: a public address before a private "
                    + "one, or many addresses before a single one. If the address that counts is that of a proxy, all "
                    + "its clients share its permits. Set ratelimit.trusted-proxies to all proxies that every request "
                    + "passes, or to their number. If a client wrote these hops, nothing is wrong."),

    /** More proxies are counted than requests pass. */
    FEWER_HOPS(
            "RL032",
            "A request has fewer hops in its forwarding header than ratelimit.trusted-proxies counts proxies. If all "
                    + "requests have fewer, a client can choose the address that counts. Set "
                    + "ratelimit.trusted-proxies to the number of proxies that every request passes."),

    /** A header of the proxy is configured, but the limiter does not read it. */
    SERVER_HEADER_IGNORED(
            "RL033",
            "{} is set, but ratelimit.trusted-proxies is not, so limits count by the address of the connection. If it "
                    + "is the address of your proxy, all clients share its permits. Add the proxy to "
                    + "ratelimit.trusted-proxies."),

    /** Hashes of keys leave the process without a secret. */
    SECRET_MISSING(
            "RL034",
            "Hashes of keys are in {}, but ratelimit.secret is not set, so an address can be found from its hash "
                    + "within seconds. Set ratelimit.secret to the same random text on all instances."),

    /** The live page does not show keys. */
    LIVE_PAGE_WITHOUT_KEYS(
            "RL035",
            "The live page shows no keys, because ratelimit.secret is not set, and an address can be found from its hash "
                    + "within seconds. Set ratelimit.secret to the same random text on all instances."),

    /** A function is invoked without the address of a client. */
    EVENT_WITHOUT_ADDRESS(
            "RL070",
            "An event without the address of a client arrived, so it counts under the address \"unknown\", as all such "
                    + "events do. Do not limit direct invocations by {ip}, and let the load balancer append "
                    + "X-Forwarded-For."),

    // The Hazelcast module writes the texts of its warnings, because it also works without this module.

    /** Members remove entries of the Hazelcast map early. */
    HAZELCAST_MAP_REMOVES_ENTRIES("RL080", "{}"),

    /** The Hazelcast map has no backup. */
    HAZELCAST_MAP_WITHOUT_BACKUP("RL081", "{}"),

    /** The Hazelcast map has another merge policy. */
    HAZELCAST_MAP_MERGES_OTHERWISE("RL082", "{}"),

    /** The clocks of Hazelcast members differ. */
    HAZELCAST_CLOCKS_DIFFER("RL083", "{}"),

    /** The Hazelcast map has the in-memory format OBJECT. */
    HAZELCAST_MAP_NOT_BINARY("RL084", "{}");

    private final String code;
    private final String text;

    ConfigurationWarning(String code, String text) {
        this.code = code;
        this.text = text;
    }

    /**
     * Returns the code in the documentation and in {@code ratelimit.silence}.
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
