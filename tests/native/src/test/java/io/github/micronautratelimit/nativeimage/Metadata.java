package io.github.micronautratelimit.nativeimage;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.StreamSupport;

/** The native image metadata of a module. */
record Metadata(List<JsonNode> types, List<String> resources, List<String> bundles) {

    private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    static Metadata of(Published module) {
        JsonNode resources = read(module.metadata().resolve("resource-config.json"));
        return new Metadata(
                list(read(module.metadata().resolve("reflect-config.json"))),
                list(resources.path("resources").path("includes")).stream()
                        .map(entry -> entry.get("pattern").textValue())
                        .toList(),
                list(resources.path("bundles")).stream()
                        .map(entry -> entry.get("name").textValue())
                        .toList());
    }

    /** Returns the entries of all modules for a type name. */
    static List<JsonNode> onType(String name) {
        List<JsonNode> entries = new ArrayList<>();
        for (Published module : Published.all()) {
            of(module).types.stream()
                    .filter(entry -> entry.get("name").textValue().equals(name))
                    .forEach(entries::add);
        }
        return entries;
    }

    static JsonNode read(Path file) {
        try {
            return Files.exists(file) ? JSON.readTree(Files.readString(file)) : JSON.missingNode();
        } catch (IOException e) {
            throw new UncheckedIOException(file + " is not valid JSON", e);
        }
    }

    static List<JsonNode> list(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).toList();
    }
}
