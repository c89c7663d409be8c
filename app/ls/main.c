/* Lists directories by name; -l: with kind, size and time. Grant: root, and memory for the names. */
#include "app.h"
#include "calendar.h"

enum { ENTRIES = 32, OPTION_LONG = 1, OPTION_ITSELF = 2, FIRST_ROOM = 64 };

struct entry {
    enum cap_node_kind kind;
    size_t name_len;
    char name[]; /* and a NUL */
};

static bool details, itself;

/* ---- One line. */

static void show_details(cap_directory directory, struct capnp_data name, enum cap_node_kind kind)
{
    static const char marks[] = {'-', 'd', 'l'};
    uint64_t words[64];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_stat_results stat = {0};
    if (cap_directory_stat(directory, name, &stat, &buffer) < 0 || stat.status != CAP_FS_STATUS_OK)
        return; /* it has gone meanwhile */
    struct calendar at = calendar_of(stat.info.modified_unix_ns);
    char mark = (size_t)kind < sizeof marks ? marks[kind] : '?';
    app_printf("%c%c %10llu %lld-%02u-%02u %02u:%02u ", mark, stat.info.executable ? 'x' : '-',
               (unsigned long long)stat.info.size, (long long)at.year, at.month, at.day, at.hour, at.minute);
}

static void show(cap_directory directory, struct capnp_data name, enum cap_node_kind kind, const char *shown)
{
    static uint64_t words[600];
    struct cap_buffer buffer = {words, sizeof words};
    struct cap_directory_read_link_results link = {0};
    if (details)
        show_details(directory, name, kind);
    app_printf("%s%s", shown, kind == CAP_NODE_KIND_DIRECTORY && name.len != 0 ? "/" : "");
    if (details && kind == CAP_NODE_KIND_LINK &&
        cap_directory_read_link(directory, name, &link, &buffer) >= 0)
        app_printf(" -> %.*s", (int)link.text.len, (const char *)link.text.bytes);
    app_write("\n", 1);
}

/* ---- A directory's entries, sorted. */

struct entries {
    struct entry **items;
    size_t count, room;
};

static bool add(struct entries *all, const struct cap_dir_entry *from)
{
    struct entry *entry = malloc(sizeof *entry + from->name.len + 1);
    if (entry != NULL && all->count == all->room) {
        size_t room = all->room == 0 ? FIRST_ROOM : all->room * 2;
        struct entry **items = realloc(all->items, room * sizeof(struct entry *));
        if (items == NULL) {
            free(entry);
            return false;
        }
        all->items = items;
        all->room = room;
    }
    if (entry == NULL)
        return false;
    entry->kind = from->kind;
    entry->name_len = from->name.len;
    memcpy(entry->name, from->name.bytes, from->name.len);
    entry->name[from->name.len] = '\0';
    all->items[all->count++] = entry;
    return true;
}

/* Shell's sort: no memory, no recursion, and quick enough for what a person reads. */
static void sort(struct entries *all)
{
    for (size_t gap = all->count / 2; gap > 0; gap /= 2)
        for (size_t i = gap; i < all->count; i++)
            for (size_t j = i; j >= gap && strcmp(all->items[j - gap]->name, all->items[j]->name) > 0;
                 j -= gap) {
                struct entry *other = all->items[j];
                all->items[j] = all->items[j - gap];
                all->items[j - gap] = other;
            }
}

static bool collect(const char *text, cap_directory directory, struct entries *all)
{
    struct cap_directory_list_results results = {0};
    uint64_t cookie = 0;
    do {
        int32_t error = cap_directory_list(directory, cookie, ENTRIES, &results, &app_buffer);
        if (!app_good(text, error, results.status))
            return false;
        for (size_t i = 0; i < results.entries.count; i++) {
            struct cap_dir_entry entry;
            if (cap_dir_entry_list_get(&results.entries, i, &entry) < 0)
                return false;
            cookie = entry.cookie;
            if (!add(all, &entry)) {
                app_complain("%s: no memory for so many names; here are some", text);
                return true;
            }
        }
    } while (!results.end && results.entries.count != 0);
    return true;
}

static void list(const char *text, cap_directory directory)
{
    struct entries all = {0};
    if (collect(text, directory, &all))
        sort(&all);
    for (size_t i = 0; i < all.count; i++) {
        struct entry *entry = all.items[i];
        show(directory, capnp_data_of(entry->name, entry->name_len), entry->kind, entry->name);
        free(entry);
    }
    free(all.items);
}

/* ---- Paths. */

/* Lists what is in the directory there, also behind a link. False: there is none. */
static bool list_inside(cap_directory root, const char *text, bool titled)
{
    cap_directory directory;
    if (capos_path_directory(root, text, &directory) < 0)
        return false;
    if (titled)
        app_printf("%s:\n", text);
    list(text, directory);
    (void)cap_release(directory);
    return true;
}

static void show_itself(const char *text)
{
    struct path path;
    struct cap_directory_stat_results stat = {0};
    if (!app_walk(text, false, &path))
        return;
    int32_t error = cap_directory_stat(path.directory, path.name, &stat, &app_buffer);
    if (app_good(text, error, stat.status))
        show(path.directory, path.name, stat.info.kind, text);
    path_done(&path);
}

/* With details a link is what it is, without it is the directory that it leads to. */
static bool is_shown_as_link(cap_directory root, const char *text)
{
    struct cap_node_info info;
    return details && capos_path_stat(root, text, false, &info) >= 0 && info.kind == CAP_NODE_KIND_LINK;
}

static void list_path(const char *text, bool titled)
{
    cap_directory root;
    if (app_root(&root) && (itself || is_shown_as_link(root, text) || !list_inside(root, text, titled)))
        show_itself(text);
}

int main(int argc, char **argv)
{
    app_begin(argc, argv,
              "ls [-l] [-d] [PATH]...  lists directories; of a file its name\n"
              "  -l  kind (- file, d directory, l link; x executable), size, time (UTC), where links lead\n"
              "  -d  directories themselves instead of what is in them");
    unsigned options = app_options(&argc, argv, "lda1");
    details = (options & OPTION_LONG) != 0;
    itself = (options & OPTION_ITSELF) != 0;
    if (argc == 1)
        list_path(".", false);
    for (int i = 1; i < argc; i++)
        list_path(argv[i], argc > 2);
    return app_end();
}
