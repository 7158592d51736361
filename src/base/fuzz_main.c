/*
 * Replay main for fuzz targets: runs every file (or every file of a folder) given on the command line
 * through LLVMFuzzerTestOneInput, so that a corpus is a test with any compiler. Each input is copied to
 * an exact-size heap block, so that the sanitizer sees reads past its end.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 1;
    }
    char *data = NULL;
    size_t size = 0, room = 0, got;
    char block[65536];
    while ((got = fread(block, 1, sizeof block, f)) > 0) {
        if (size + got > room) {
            room = (size + got) * 2;
            char *more = realloc(data, room);
            if (!more) abort();
            data = more;
        }
        memcpy(data + size, block, got);
        size += got;
    }
    fclose(f);
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact) abort();
    if (size) memcpy(exact, data, size);
    free(data);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

static int run_folder(const char *path, size_t *count)
{
    DIR *dir = opendir(path);
    if (!dir) {
        perror(path);
        return 1;
    }
    struct dirent *entry;
    int failed = 0;
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.') continue;
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        failed |= run_file(name);
        (*count)++;
    }
    closedir(dir);
    return failed;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            failed |= run_folder(argv[i], &count);
        } else {
            failed |= run_file(argv[i]);
            count++;
        }
    }
    if (count == 0) {
        fprintf(stderr, "no inputs: a corpus must not be empty\n");
        return 1;
    }
    printf("%zu inputs replayed\n", count);
    return failed;
}
