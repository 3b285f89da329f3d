package io.github.micronautratelimit.redis.server;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import java.util.List;

/**
 * A new certificate of 127.0.0.1, signed by itself, made by the JDK's {@code keytool}.
 *
 * @param store       as Java reads it
 * @param certificate as a server reads it
 * @param key         as a server reads it
 */
public record Certificate(Path store, Path certificate, Path key) {

    /** What opens the store. */
    public static final String PASSWORD = "changeit";

    private static final String NAME = "server";

    /** Makes one in this folder. */
    public static Certificate create(Path folder) throws IOException, InterruptedException, GeneralSecurityException {
        Path store = folder.resolve("server.p12");
        Process keytool = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair", "-alias", NAME, "-keyalg", "RSA", "-keysize", "2048", "-validity", "2",
                "-dname", "CN=localhost", "-ext", "san=ip:127.0.0.1,dns:localhost",
                "-storetype", "PKCS12", "-keystore", store.toString(), "-storepass", PASSWORD)
                .redirectErrorStream(true).start();
        String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (keytool.waitFor() != 0) {
            throw new IllegalStateException("keytool: " + said);
        }
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(store)) {
            keys.load(in, PASSWORD.toCharArray());
        }
        return new Certificate(store,
                pem(folder.resolve("server.crt"), "CERTIFICATE", keys.getCertificate(NAME).getEncoded()),
                pem(folder.resolve("server.key"), "PRIVATE KEY",
                        keys.getKey(NAME, PASSWORD.toCharArray()).getEncoded()));
    }

    /** RFC 7468. */
    private static Path pem(Path file, String label, byte[] der) throws IOException {
        String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        return Files.write(file, List.of("-----BEGIN " + label + "-----", text, "-----END " + label + "-----"));
    }
}
