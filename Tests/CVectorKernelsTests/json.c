#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void stop(const char *path, const char *what) {
  fprintf(stderr, "%s: %s\n", path, what);
  exit(2);
}

typedef struct reader {
  const char *path, *at;
} reader;

static void skip_space(reader *r) {
  while (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t') r->at++;
}

static char *copy_text(const char *from, size_t length) {
  char *text = malloc(length + 1);
  memcpy(text, from, length);
  text[length] = '\0';
  return text;
}

// Fixtures have no escapes but quotation marks.
static char *read_string(reader *r) {
  const char *start = ++r->at;
  while (*r->at != '"' && *r->at != '\0') r->at += *r->at == '\\' ? 2 : 1;
  if (*r->at == '\0') stop(r->path, "a string does not end");
  char *text = copy_text(start, (size_t)(r->at - start));
  r->at++;
  return text;
}

static json read_value(reader *r) {
  json value = {0};
  skip_space(r);
  char first = *r->at;
  if (first == '{' || first == '[') {
    int is_object = first == '{';
    char last = is_object ? '}' : ']';
    long capacity = 0;
    value.kind = is_object ? json_object : json_array;
    r->at++;
    skip_space(r);
    while (*r->at != last) {
      if (value.count == capacity) {
        capacity = capacity == 0 ? 8 : 2 * capacity;
        value.items = realloc(value.items, (size_t)capacity * sizeof *value.items);
        value.keys = realloc(value.keys, (size_t)capacity * sizeof *value.keys);
      }
      if (is_object) {
        value.keys[value.count] = read_string(r);
        skip_space(r);
        if (*r->at++ != ':') stop(r->path, "a member without a value");
      }
      value.items[value.count++] = read_value(r);
      skip_space(r);
      if (*r->at == ',') r->at++;
      else if (*r->at != last) stop(r->path, "neither a comma nor an end");
      skip_space(r);
    }
    r->at++;
  } else if (first == '"') {
    value.kind = json_string;
    value.text = read_string(r);
  } else if (strncmp(r->at, "true", 4) == 0 || strncmp(r->at, "null", 4) == 0) {
    value.kind = first == 't' ? json_boolean : json_null;
    value.number = first == 't';
    r->at += 4;
  } else if (strncmp(r->at, "false", 5) == 0) {
    value.kind = json_boolean;
    r->at += 5;
  } else {
    char *end;
    value.kind = json_number;
    value.number = strtod(r->at, &end);
    if (end == r->at) stop(r->path, "no value");
    value.text = copy_text(r->at, (size_t)(end - r->at));
    r->at = end;
  }
  return value;
}

json *json_read(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) stop(path, "cannot be read");
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  char *text = malloc((size_t)size + 1);
  if (fread(text, 1, (size_t)size, file) != (size_t)size) stop(path, "cannot be read");
  text[size] = '\0';
  fclose(file);
  reader r = {path, text};
  json *value = malloc(sizeof *value);
  *value = read_value(&r);
  free(text);
  return value;
}

const json *json_find(const json *object, const char *key) {
  for (long i = 0; i < object->count; i++)
    if (object->kind == json_object && strcmp(object->keys[i], key) == 0) return &object->items[i];
  return NULL;
}

const json *json_get(const json *object, const char *key) {
  const json *found = json_find(object, key);
  if (found == NULL) stop(key, "expected a member of this name");
  return found;
}
