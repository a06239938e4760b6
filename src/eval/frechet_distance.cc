#include "eval/frechet_distance.h"

#include <Eigen/Dense>
#include <algorithm>
#include <string>

namespace edgefusion::eval {
namespace {

using Matrix = Eigen::MatrixXd;
using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Normal {
  Eigen::VectorXd mean;
  Matrix covariance;
};

Normal normal_of(const Tensor& features) {
  const Eigen::Map<const Rows> rows(features.values<float>().data(), features.shape()[0],
                                    features.shape()[1]);
  const Matrix x = rows.cast<double>();
  const Eigen::VectorXd mean = x.colwise().mean();
  const Matrix centered = x.rowwise() - mean.transpose();
  return {mean, centered.transpose() * centered / static_cast<double>(x.rows() - 1)};
}

/// Of a positive semidefinite matrix. Rounding makes eigenvalues of zero slightly negative.
Matrix square_root(const Matrix& matrix) {
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(matrix);
  const Eigen::VectorXd roots = solver.eigenvalues().cwiseMax(0.0).cwiseSqrt();
  return solver.eigenvectors() * roots.asDiagonal() * solver.eigenvectors().transpose();
}

/// tr((A B)^1/2): A B has the eigenvalues of A^1/2 B A^1/2, which is symmetric.
double trace_of_root(const Matrix& a, const Matrix& b) {
  const Matrix root = square_root(a);
  const Matrix inner = root * b * root;
  const Matrix symmetric = (inner + inner.transpose()) / 2;
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(symmetric, Eigen::EigenvaluesOnly);
  return solver.eigenvalues().cwiseMax(0.0).cwiseSqrt().sum();
}

}  // namespace

Result<double> frechet_distance(const Tensor& a, const Tensor& b) {
  EF_CHECK(a.shape()[1] == b.shape()[1], "features of one extractor");
  const int64_t fewest = std::min(a.shape()[0], b.shape()[0]);
  if (fewest < 2) {
    return fail(
        ErrorCode::invalid_argument,
        "Frechet distance: a set of " + std::to_string(fewest) + " pictures, expected at least 2");
  }
  const Normal one = normal_of(a), other = normal_of(b);
  const double distance = (one.mean - other.mean).squaredNorm() + one.covariance.trace() +
                          other.covariance.trace() -
                          2 * trace_of_root(one.covariance, other.covariance);
  return std::max(distance, 0.0);
}

}  // namespace edgefusion::eval
