#ifndef EDGEFUSION_EDGEFUSION_C_H_
#define EDGEFUSION_EDGEFUSION_C_H_

/* EdgeFusion's C interface, for other languages. No exception crosses it. Texts are UTF-8. */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A model ready to paint. One call at a time on one painter. */
typedef struct ef_painter ef_painter;

typedef enum ef_status { EF_OK = 0, EF_FAILED = 1, EF_CANCELLED = 2 } ef_status;

/* What to paint. Start from ef_request_defaults(), then set fields. */
typedef struct ef_request {
  const char* prompt;
  const char* negative_prompt; /* may be NULL */
  const char* scheduler;       /* NULL: the model's */
  int steps;                   /* 0: the model's */
  int width, height;           /* pixels, multiples of 8; 0: the model's */
  double guidance_scale;       /* negative: the model's; up to 1: no guidance */
  uint64_t seed;
  /* May be NULL. Called on the caller's thread; an answer other than 0 ends the run soon. */
  int (*progress)(void* user, const char* stage, size_t done, size_t total);
  void* user; /* handed to progress */
} ef_request;

/* 8-bit RGB, row by row from the top: width * height * 3 bytes. */
typedef struct ef_image {
  int width, height;
  uint8_t* rgb;
} ef_image;

/* threads 0: one per CPU; isa NULL or "": the best there is. Always returns a painter, also when
   opening failed: ef_painter_error() then says why. NULL only if memory is out.
   Free it with ef_painter_free(). */
ef_painter* ef_painter_open(const char* model_folder, int threads, const char* isa);
void ef_painter_free(ef_painter* painter); /* NULL is fine */

/* Why the last call on this painter failed, one line; "" if it did not. Owned by the painter,
   valid until its next call. */
const char* ef_painter_error(const ef_painter* painter);

void ef_request_defaults(ef_request* request);

/* Paints one picture into `image`, to be freed with ef_image_free(). On failure the image is
   left empty (rgb NULL). */
ef_status ef_painter_paint(ef_painter* painter, const ef_request* request, ef_image* image);
void ef_image_free(ef_image* image); /* an empty image is fine */

#ifdef __cplusplus
}
#endif

#endif /* EDGEFUSION_EDGEFUSION_C_H_ */
