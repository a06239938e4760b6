/* Paints with the installed library through its C interface; exits 0 if there is a picture. */
#include <edgefusion/edgefusion_c.h>
#include <stdio.h>

static int has_two_colours(const ef_image* image) {
  const size_t bytes = (size_t)image->width * (size_t)image->height * 3;
  for (size_t i = 1; i < bytes; ++i) {
    if (image->rgb[i] != image->rgb[0]) return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  ef_painter* painter = ef_painter_open(argv[1], 0, NULL);
  ef_request request;
  ef_request_defaults(&request);
  request.prompt = "red apple";
  request.steps = 2;
  request.seed = 7;
  ef_image image;
  int failed = 1;
  if (ef_painter_paint(painter, &request, &image) == EF_OK) {
    printf("%dx%d\n", image.width, image.height);
    failed = !has_two_colours(&image);
  } else {
    fprintf(stderr, "%s\n", ef_painter_error(painter));
  }
  ef_image_free(&image);
  ef_painter_free(painter);
  return failed;
}
