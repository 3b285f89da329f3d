package io.github.micronautratelimit.examples.distributed;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.function.UnaryOperator;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.Secret;

/** What the manifests give a pod of the application, in a folder of this machine instead of the mounted one. */
final class Deployed {

    private final Manifests manifests;
    private final Path folder;

    /** With files that are adapted to this machine: its ports instead of a pod's. */
    Deployed(Manifests manifests, Path folder, UnaryOperator<String> adapted) {
        this.manifests = manifests;
        this.folder = folder;
        manifests.the(ConfigMap.class, "orders").getData()
                .forEach((name, text) -> write(name, adapted.apply(here(text))));
    }

    private String here(String text) {
        return text.replace("/config/", folder + "/");
    }

    /** Writes a file into the folder. */
    Path write(String name, String text) {
        try {
            return Files.writeString(folder.resolve(name), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A value of the secret. */
    String secret(String key) {
        return manifests.the(Secret.class, "orders").getStringData().get(key);
    }

    /** The container's environment. */
    Map<String, String> environment() {
        Map<String, String> environment = new HashMap<>();
        for (EnvVar each : manifests.workload("orders").container().getEnv()) {
            environment.put(each.getName(), each.getValue() != null ? here(each.getValue())
                    : secret(each.getValueFrom().getSecretKeyRef().getKey()));
        }
        return environment;
    }
}
