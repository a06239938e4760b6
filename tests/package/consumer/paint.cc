// Paints with the installed library through its C++ interface; exits 0 if there is a picture.
#include <edgefusion/edgefusion.h>

#include <algorithm>
#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::string error;
  const auto painter = edgefusion::Painter::open(argv[1], {}, &error);
  if (!painter) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  edgefusion::PaintRequest request;
  request.prompt = "red apple";
  request.steps = 2;
  request.seed = 7;
  const edgefusion::PaintOutcome outcome = painter->paint(request);
  if (!outcome) {
    std::fprintf(stderr, "%s\n", outcome.error.c_str());
    return 1;
  }
  const edgefusion::Picture& picture = outcome.pictures.at(0);
  const size_t bytes = static_cast<size_t>(picture.width) * picture.height * 3;
  if (bytes == 0 || picture.rgb.size() != bytes) return 1;
  const auto [darkest, brightest] = std::minmax_element(picture.rgb.begin(), picture.rgb.end());
  std::printf("%dx%d, values %d to %d\n", picture.width, picture.height, *darkest, *brightest);
  return *darkest < *brightest ? 0 : 1;
}
