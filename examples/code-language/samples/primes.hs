module Main where

import qualified Data.Map.Strict as Map
import Data.List (sortBy)
import Data.Ord (comparing, Down(..))
import System.Environment (getArgs)

-- | All primes, by trial division with the primes found so far.
primes :: [Int]
primes = 2 : filter isPrime [3, 5 ..]

isPrime :: Int -> Bool
isPrime n = all (\p -> n `mod` p /= 0) (takeWhile (\p -> p * p <= n) primes)

factors :: Int -> Map.Map Int Int
factors n = go n primes Map.empty
  where
    go 1 _ found = found
    go m (p : ps) found
      | p * p > m = Map.insertWith (+) m 1 found
      | m `mod` p == 0 = go (m `div` p) (p : ps) (Map.insertWith (+) p 1 found)
      | otherwise = go m ps found
    go _ [] found = found

main :: IO ()
main = do
  args <- getArgs
  case map read args of
    [n] -> mapM_ print (sortBy (comparing Down) (Map.toList (factors n)))
    _ -> putStrLn "usage: primes NUMBER"
