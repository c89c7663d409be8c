/* Unit tests of json_manifest.c: the rewriting keeps every token in its place, and mistakes have positions.
 */
#include "json_manifest.h"
#include "unit.h"
#include <string.h>

static struct json_manifest manifest;
static struct sentence why;

static void clean(void)
{
    json_manifest_free(&manifest);
}

static bool read_json(const char *json)
{
    json_manifest_free(&manifest);
    return json_manifest_read(json, strlen(json), &manifest, &why);
}

static void assert_becomes(const char *json, const char *text)
{
    if (!read_json(json))
        fail_msg("%s: %s", json, why.text);
    assert_string_equal(manifest.text.data, text);
    assert_int_equal(manifest.text.size, strlen(json));
}

static void assert_refused(const char *json, const char *sentence)
{
    if (read_json(json))
        fail_msg("%s was accepted", json);
    if (strncmp(why.text, sentence, strlen(sentence)) != 0)
        fail_msg("'%s' does not begin with '%s'", why.text, sentence);
}

static void objects_lists_and_scalars_stay_in_place(void)
{
    assert_becomes("{\"a\": 1, \"b\":[true, -2, null ,\"x\"] }", "( a = 1,  b =[true, -2, void ,\"x\"] )");
    assert_becomes(" {}\n", " ()\n");
    assert_becomes("{\"a\":{\"b\":[[],{}]}}", "( a =( b =[[],()]))");
}

static void embedded_files_become_embeds(void)
{
    assert_becomes("{\"d\": {\"embed\": \"/x.elf\"}}", "( d =   embed   \"/x.elf\" )");
    assert_becomes("{\"d\": {\"embed\": \"x.elf\"}}", "( d =   embed  \"/x.elf\" )");
    assert_becomes("{\"d\":{\"embed\":\"x\"},\"e\":2}", "( d =  embed \"/x\" , e =2)");
    assert_refused("{\"d\": {\"embed\": \"x\", \"y\": 1}}", "1:7: an embedded file is written");
    assert_refused("{\"d\": {\"embed\":\n\"x\"}}", "1:7: an embedded file is written");
    /* Not an embed: the schema will judge it. */
    assert_becomes("{\"d\": {\"embed\": 1}}", "( d = ( embed = 1))");
}

static void escapes_are_translated_and_padded(void)
{
    assert_becomes("{\"a\":\"\\u0041\\/\\n\"}", "( a =\"A/\\n\"      )");
    assert_becomes("{\"a\":\"\\u00e9\"}", "( a =\"\xc3\xa9\"    )");
    assert_becomes("{\"a\":\"\\ud83d\\ude00\"}", "( a =\"\xf0\x9f\x98\x80\"        )");
    assert_becomes("{\"a\":\"\\u0022\\u005c\"}", "( a =\"\\\"\\\\\"        )");
    assert_becomes("{\"a\":\"\\u0000\"}", "( a =\"\\x00\"  )");
}

static void bad_strings_are_refused_with_their_place(void)
{
    assert_refused("{\"a\":\"x", "1:6: this string does not end");
    assert_refused("{\"a\":\n \"x\n\"}", "2:2: this string does not end");
    assert_refused("{\"a\":\"\\x41\"}", "1:7: JSON has no such escape");
    assert_refused("{\"a\":\"\\u00g0\"}", "1:7: this \\u escape");
    assert_refused("{\"a\":\"\\ud800\"}", "1:7: this \\u escape");
    assert_refused("{\"a\":\"\\ud800\\u0041\"}", "1:7: this \\u escape");
    assert_refused("{\"a\":\"\t\"}", "1:7: a control character");
    assert_refused("{\"a\":\"\\", "1:7: JSON has no such escape");
    assert_refused("{\"a\":\"\\u12", "1:7: this \\u escape");
}

static void structure_mistakes_have_their_place_and_field(void)
{
    assert_refused("", "1:1: a manifest is an object");
    assert_refused("[]", "1:1: a manifest is an object");
    assert_refused("{", "1:2: the file ends in the middle");
    assert_refused("{\"a\":{\"b\" 1}}", "1:11: a : is missing here, at field a.b");
    assert_refused("{\"a\":[1 2]}", "1:9: a ] is missing before this, at field a");
    assert_refused("{\"a\":[1}", "1:8: a ] is missing");
    assert_refused("{\"a\":1]", "1:7: a } is missing");
    assert_refused("{\"a\":1,}", "1:8: a field's name in quotes is missing");
    assert_refused("{\"a\":[1,]}", "1:9: a value is missing here");
    assert_refused("{\"a\":nope}", "1:6: a value is missing here");
    assert_refused("{\"a\":-}", "1:6: a value is missing here");
    assert_refused("{} x", "1:4: nothing may follow");
    assert_refused("{a:1}", "1:2: a field's name in quotes");
    assert_refused("{\"a b\":1}", "1:2: a field's name is made of letters");
    assert_refused("{\"A\":1}", "1:2: a field's name is made of letters");
    assert_refused("{\"\":1}", "1:2: a field's name is made of letters");
}

static void a_field_given_twice_is_refused(void)
{
    assert_refused("{\"a\":1,\n\"b\":{\"a\":2},\n\"a\":3}", "3:1: this field is given twice, at field a");
}

static void nesting_is_limited(void)
{
    char text[3 * JSON_DEPTH_MAX + 16] = "{\"a\":";
    memset(text + 5, '[', JSON_DEPTH_MAX);
    assert_refused(text, "1:69: this is nested too deeply");
}

static void fields_are_found_by_place(void)
{
    assert_true(read_json("{\"s\": [ {\"n\": 1},\n  {\"n\": \"x\", \"bad\": 2} ],\n \"t\": 3 }"));
    assert_string_equal(json_manifest_field(&manifest, 2, 9), "s[1].n");
    assert_string_equal(json_manifest_field(&manifest, 2, 15), "s[1].bad");
    assert_string_equal(json_manifest_field(&manifest, 1, 8), "s");
    assert_string_equal(json_manifest_field(&manifest, 3, 3), "t");
    assert_string_equal(json_manifest_field(&manifest, 1, 1), "");
    assert_string_equal(json_manifest_field(&manifest, 99, 1), "");
    assert_string_equal(json_manifest_field(&manifest, 3, 999), "");
}

static void words_and_numbers_lose_their_quotes(void)
{
    assert_true(read_json(
        "{\"a\": \"timer\", \"b\": \"-12\", \"c\": \"1x\", \"d\": \"a b\", \"e\": \"\", \"f\": 3}"));
    assert_true(json_manifest_unquote(&manifest, 1, 7));
    assert_true(json_manifest_unquote(&manifest, 1, 21));
    assert_false(json_manifest_unquote(&manifest, 1, 33));
    assert_false(json_manifest_unquote(&manifest, 1, 44));
    assert_false(json_manifest_unquote(&manifest, 1, 56));
    assert_false(json_manifest_unquote(&manifest, 1, 65));
    assert_false(json_manifest_unquote(&manifest, 2, 1));
    assert_memory_equal(manifest.text.data, "( a =  timer ,  b =  -12 ,  c = \"1x\",", 37);
}

static uint32_t random_state = 1;
static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % limit;
}

/* Damaged JSON is accepted or refused, never read past its end; line breaks stay where they are. */
static void damaged_text_does_no_harm(void)
{
    static const char seed[] =
        "{\"a\": [1, {\"embed\": \"x\"}, \"\\u00e9\\n\"],\n \"b\": {\"c\": null, \"d\": [[]]}}";
    static const char alphabet[] = "{}[]\",:\\u0a \nembd\xff";
    for (int round = 0; round < 20000; round++) {
        char text[sizeof(seed)];
        memcpy(text, seed, sizeof(seed));
        for (uint32_t i = random_below(4) + 1; i > 0; i--)
            text[random_below(sizeof(seed) - 1)] = alphabet[random_below(sizeof(alphabet) - 1)];
        size_t size = random_below(8) == 0 ? random_below(sizeof(seed)) : sizeof(seed) - 1;
        struct json_manifest result;
        (void)json_manifest_read(text, size, &result, &why);
        assert_int_equal(result.text.size, size);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(text[i] == '\n', result.text.data[i] == '\n');
        json_manifest_free(&result);
    }
}

static const struct unit_test tests[] = {
    UNIT_TEST(objects_lists_and_scalars_stay_in_place),
    UNIT_TEST(embedded_files_become_embeds),
    UNIT_TEST(escapes_are_translated_and_padded),
    UNIT_TEST(bad_strings_are_refused_with_their_place),
    UNIT_TEST(structure_mistakes_have_their_place_and_field),
    UNIT_TEST(a_field_given_twice_is_refused),
    UNIT_TEST(nesting_is_limited),
    UNIT_TEST(fields_are_found_by_place),
    UNIT_TEST(words_and_numbers_lose_their_quotes),
    UNIT_TEST(damaged_text_does_no_harm),
};

int main(void)
{
    return UNIT_MAIN(tests, NULL, clean);
}
