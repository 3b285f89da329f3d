package io.github.micronautratelimit.web;

import io.github.micronautratelimit.MicroClock;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A condition of a case. Immutable. Its text is that of {@code toString}. */
sealed interface CaseCondition
        permits CaseCondition.User,
                CaseCondition.Role,
                CaseCondition.Claim,
                CaseCondition.Header,
                CaseCondition.Method,
                CaseCondition.Path,
                CaseCondition.Client,
                TimeOfDay {

    /** The result of a condition on a request. */
    enum Match {
        NO,
        /** For one reading of an ambiguous path it holds, for another one it does not. */
        MAYBE,
        YES;

        static Match of(boolean holds) {
            return holds ? YES : NO;
        }
    }

    /**
     * Returns whether the condition holds for a request.
     *
     * @param request the request
     * @param client  the address of the client; {@code null} if it is unknown
     * @param clock   the time
     */
    Match test(WebRequest request, @Nullable AddressBits client, MicroClock clock);

    /** Returns whether this condition certainly holds whenever another one holds. */
    boolean covers(CaseCondition other);

    /** Returns whether this condition and another one certainly never hold together. */
    default boolean excludes(CaseCondition other) {
        return false;
    }

    /** Returns whether the condition is about the authenticated user. */
    default boolean isOfUser() {
        return false;
    }

    /** Returns the placeholder of keys for what the condition reads; {@code null} if there is none. */
    default KeyTemplate.@Nullable Part placeholder() {
        return null;
    }

    /**
     * A user, or none.
     *
     * @param present whether a user is authenticated
     */
    record User(boolean present) implements CaseCondition {

        @Override
        public Match test(WebRequest request, @Nullable AddressBits client, MicroClock clock) {
            return Match.of((request.userName() != null) == present);
        }

        @Override
        public boolean covers(CaseCondition other) {
            return equals(other) || present && (other instanceof Role || other instanceof Claim);
        }

        @Override
        public boolean excludes(CaseCondition other) {
            return other instanceof User user ? present != user.present : !present && other.isOfUser();
        }

        @Override
        public boolean isOfUser() {
            return true;
        }

        @Override
        public KeyTemplate.Part placeholder() {
            return new KeyTemplate.Part(KeyTemplate.Source.PRINCIPAL, "");
        }

        @Override
        public String toString() {
            return present ? "authenticated" : "anonymous";
        }
    }

    /**
     * A user with one of several roles.
     *
     * @param names the roles in alphabetical order
     */
    record Role(List<String> names) implements CaseCondition {

        @Override
        public Match test(WebRequest request, @Nullable AddressBits client, MicroClock clock) {
            for (int i = 0; i < names.size(); i++) {
                if (request.hasRole(names.get(i))) {
                    return Match.YES;
                }
            }
            return Match.NO;
        }

        @Override
        public boolean covers(CaseCondition other) {
            return other instanceof Role role && names.containsAll(role.names);
        }

        @Override
        public boolean isOfUser() {
            return true;
        }

        @Override
        public KeyTemplate.Part placeholder() {
            return new KeyTemplate.Part(KeyTemplate.Source.ROLE, "");
        }

        @Override
        public String toString() {
            return "role:" + String.join("|", names);
        }
    }

    /**
     * A user with a value of a claim.
     *
     * @param name  the name of the claim
     * @param value its value
     */
    record Claim(String name, String value) implements CaseCondition {

        @Override
        public Match test(WebRequest request, @Nullable AddressBits client, MicroClock clock) {
            return Match.of(value.equals(request.claim(name)));
        }

        @Override
        public boolean covers(CaseCondition other) {
            return equals(other);
        }

        @Override
        public boolean excludes(CaseCondition other) {
            return other instanceof Claim claim && claim.name.equals(name) && !claim.value.equals(value);
        }

        @Override
        public boolean isOfUser() {
            return true;
        }

        @Override
        public KeyTemplate.Part placeholder() {
            return new KeyTemplate.Part(KeyTemplate.Source.CLAIM, name);
        }

        @Override
        public String toString() {
            return "claim:" + name + "=" + value;
        }
    }

    /**
     * A header with any value, or with one value. Of several lines, the first one that is not empty counts, as in keys.
     *
     * @param name  the name in lower case
     * @param value the value; {@code null} for any
     */
    record Header(String name, @Nullable String value) implements CaseCondition {

        @Override
        public Match test(WebRequest request, @Nullable AddressBits client, MicroClock clock) {
            String found = request.header(name);
            if (found != null && found.isEmpty()) {
                found = request.headerLines(name).stream()
                        .filter(line -> !line.isEmpty())
                        .findFirst()
                        .orElse(null);
            }
            return Match.of(found != null && (value == null || value.equals(found)));
        }

        @Override
        public boolean covers(CaseCondition other) {
            return other instanceof Header header
                    && header.name.equals(name)
                    && (value == null || value.equals(header.value));
        }

        @Override
        public boolean excludes(CaseCondition other) {
            return other instanceof Header header
                    && header.name.equals(name)
                    && value != null
                    && header.value != null
                    && !value.equals(header.value);
        }

        @Override
        public KeyTemplate.Part placeholder() {
            return new KeyTemplate.Part(KeyTemplate.Source.HEADER, name);
        }

        @Override
        public String toString() {
            return "header:" + name + (value == null ? "" : "=" + value);
        }
    }

    /**
     * One of several methods.
     *
     * @param names the names in upper case, in alphabetical order
     */
    record Method(List<String> names) implements CaseCondition {

        @Override
        public Match test(WebRequest request, @Nullable AddressBits client, MicroClock clock) {
            return Match.of(names.contains(request.method()));
        }

        @Override
        public boolean covers(CaseCondition other) {
            return other instanceof Method method && names.containsAll(method.names);
        }

        @Override
        public boolean excludes(CaseCondition other) {
            return other instanceof Method method && Collections.disjoint(names, method.names);
        }

        @Override
        public String toString() {
            return "method:" + String.join("|", names);
        }
    }

    /**
     * A path.
     *
     * @param text the pattern as it is written
     * @param rule matches paths
     */
    record Path(String text, PathRule rule) implements CaseCondition {

        @Override
        public Match test(WebRequest request, @Nullable AddressBits client, MicroClock clock) {
            RequestPath path = request.path();
            if (path == null || !rule.matches("", path)) {
                return Match.NO;
            }
            return path.isAmbiguous() && !rule.exempts(path) ? Match.MAYBE : Match.YES;
        }

        @Override
        public boolean covers(CaseCondition other) {
            return other instanceof Path path && rule.covers(path.rule);
        }

        @Override
        public String toString() {
            return "path:" + text;
        }
    }

    /**
     * A client in one of several ranges.
     *
     * @param ranges the ranges
     */
    record Client(List<AddressRange> ranges) implements CaseCondition {

        @Override
        public Match test(WebRequest request, @Nullable AddressBits client, MicroClock clock) {
            return Match.of(client != null && contains(client));
        }

        boolean contains(AddressBits client) {
            for (int i = 0; i < ranges.size(); i++) {
                if (ranges.get(i).contains(client)) {
                    return true;
                }
            }
            return false;
        }

        @Override
        public boolean covers(CaseCondition other) {
            return other instanceof Client client
                    && client.ranges.stream().allMatch(narrow -> ranges.stream().anyMatch(wide -> wide.covers(narrow)));
        }

        @Override
        public boolean excludes(CaseCondition other) {
            return other instanceof Client client
                    && ranges.stream().noneMatch(range -> client.ranges.stream().anyMatch(range::overlaps));
        }

        @Override
        public String toString() {
            return "ip:"
                    + String.join("|", ranges.stream().map(AddressRange::text).toList());
        }
    }
}
