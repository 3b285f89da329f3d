package io.github.micronautratelimit.examples.distributed;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.Secret;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.function.UnaryOperator;

/** The files and environment of a pod of the application. A local folder replaces the mounted one. */
final class Deployed {

    private final Manifests manifests;
    private final Path folder;

    /** Writes the files of the manifests, adapted to this machine: for example to its free ports. */
    Deployed(Manifests manifests, Path folder, UnaryOperator<String> adapt) {
        this.manifests = manifests;
        this.folder = folder;
        manifests
                .the(ConfigMap.class, "orders")
                .getData()
                .forEach((name, text) -> write(name, adapt.apply(localized(text))));
    }

    private String localized(String text) {
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

    /** Returns a value of the secret. */
    String secret(String key) {
        return manifests.the(Secret.class, "orders").getStringData().get(key);
    }

    /** Returns the environment of the container. */
    Map<String, String> environment() {
        Map<String, String> environment = new HashMap<>();
        for (EnvVar each : manifests.workload("orders").container().getEnv()) {
            environment.put(
                    each.getName(),
                    each.getValue() != null
                            ? localized(each.getValue())
                            : secret(each.getValueFrom().getSecretKeyRef().getKey()));
        }
        return environment;
    }
}
