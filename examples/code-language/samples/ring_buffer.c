#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ring_buffer {
    unsigned char *data;
    size_t capacity;
    size_t head;
    size_t count;
};

struct ring_buffer *ring_buffer_new(size_t capacity)
{
    struct ring_buffer *rb = malloc(sizeof(*rb));

    if (rb == NULL)
        return NULL;
    rb->data = malloc(capacity);
    if (rb->data == NULL) {
        free(rb);
        return NULL;
    }
    rb->capacity = capacity;
    rb->head = 0;
    rb->count = 0;
    return rb;
}

bool ring_buffer_push(struct ring_buffer *rb, unsigned char byte)
{
    if (rb->count == rb->capacity)
        return false;
    rb->data[(rb->head + rb->count) % rb->capacity] = byte;
    rb->count++;
    return true;
}

bool ring_buffer_pop(struct ring_buffer *rb, unsigned char *byte)
{
    if (rb->count == 0)
        return false;
    *byte = rb->data[rb->head];
    rb->head = (rb->head + 1) % rb->capacity;
    rb->count--;
    return true;
}

int main(void)
{
    const char *text = "hello, ring";
    struct ring_buffer *rb = ring_buffer_new(16);
    unsigned char c;

    for (size_t i = 0; i < strlen(text); i++)
        ring_buffer_push(rb, (unsigned char)text[i]);
    while (ring_buffer_pop(rb, &c))
        putchar(c);
    putchar('\n');
    free(rb->data);
    free(rb);
    return 0;
}
