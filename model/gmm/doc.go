// Package gmm fits mixtures of Gaussians to data by expectation maximization (EM), and uses them.
//
// A mixture of K Gaussians in d dimensions has the density
//
//	p(x) = Σₖ wₖ N(x; μₖ, Σₖ),  wₖ ≥ 0,  Σₖ wₖ = 1
//
// so that a row x comes about in two steps: a component k is drawn with the probabilities wₖ, and x from N(μₖ, Σₖ). Which one it was
// nobody sees. Fit looks for the weights, means and covariances with the largest mean log-likelihood of n rows, (1/n) Σᵢ log p(xᵢ), by
// turns of two steps (Dempster, Laird and Rubin, "Maximum likelihood from incomplete data via the EM algorithm", 1977; Bishop, "Pattern
// recognition and machine learning", section 9.2):
//
//	E: rᵢₖ = wₖ N(xᵢ; μₖ, Σₖ) / Σⱼ wⱼ N(xᵢ; μⱼ, Σⱼ)
//	M: Nₖ = Σᵢ rᵢₖ,  wₖ = Nₖ/n,  μₖ = Σᵢ rᵢₖ xᵢ / Nₖ,  Σₖ = Σᵢ rᵢₖ (xᵢ−μₖ)(xᵢ−μₖ)ᵀ / Nₖ + ρ·I
//
// rᵢₖ, the responsibility of component k for row i, is the probability that the row came from it. ρ is Options.Regularization, which
// keeps a covariance from becoming singular, as reg_covar does in scikit-learn; the second M step is that of covariances that are free,
// and Covariance has the others. Densities are computed as logarithms throughout:
//
//	log N(x; μ, Σ) = −½ (d·log 2π + ‖L⁻¹(x−μ)‖²) − Σⱼ log Lⱼⱼ,  Σ = L·Lᵀ
//
// with the Cholesky factor L, and no inverse. All arithmetic is float64.
//
// For one seed, the results have the same bits on any number of cores.
package gmm
