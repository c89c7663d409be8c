/* SHA-256 of files, or of what it reads. */
#include "app.h"
#include <base/sha256.h>

static struct sha256 hash;

static void finish(const char *name)
{
    uint8_t digest[SHA256_BYTES];
    char text[2 * SHA256_BYTES + 1];
    sha256_finish(&hash, digest);
    for (size_t i = 0; i < SHA256_BYTES; i++)
        (void)capos_snprintf(text + 2 * i, sizeof text - 2 * i, "%02x", digest[i]);
    app_printf("%s  %s\n", text, name);
    sha256_init(&hash);
}

static void take(const char *name, const uint8_t *bytes, size_t len)
{
    if (bytes != NULL)
        sha256_add(&hash, bytes, len);
    else
        finish(name);
}

int main(int argc, char **argv)
{
    app_begin(argc, argv, "sha256sum [FILE]...  prints SHA-256 checksums of files, or of what it reads");
    (void)app_options(&argc, argv, "");
    sha256_init(&hash);
    app_each_file(argc, argv, take);
    return app_end();
}
