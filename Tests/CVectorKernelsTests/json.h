// Reads JSON files of fixtures, which are known to be well formed; anything else stops the program.
#pragma once

typedef enum json_kind { json_null, json_boolean, json_number, json_string, json_array, json_object } json_kind;

typedef struct json {
  json_kind kind;
  double number;      // 0 or 1 for Booleans
  char *text;         // of strings, and of numbers as they are written
  struct json *items;  // of arrays and objects
  char **keys;        // of objects
  long count;
} json;

json *json_read(const char *path);
// The member of an object; NULL when there is none.
const json *json_find(const json *object, const char *key);
// The same, where there must be one.
const json *json_get(const json *object, const char *key);
